//! The three widths of floats.

use super::CborError;

/// Whether a float's bits are finite and could not be written shorter (RFC 8949 §4.2.1 with §4.2.2's rule 1).
pub(super) fn check_float(info: u8, bits: u64, at: usize) -> Result<(), CborError> {
    let value = match info {
        25 if bits >> 10 & 31 != 31 => return Ok(()),
        25 => f64::INFINITY,
        26 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    };
    if !value.is_finite() {
        return Err(CborError::NotFinite { at });
    }
    let width = match shortest_float(value) {
        Float::Half(_) => 25,
        Float::Single(_) => 26,
        Float::Double(_) => 27,
    };
    if width == info { Ok(()) } else { Err(CborError::NotShortest { at }) }
}

/// A float in one of its three widths, by its bits.
pub(super) enum Float {
    Half(u16),
    Single(u32),
    Double(u64),
}

/// The shortest of binary16, binary32 and binary64 that holds `value` exactly.
pub(super) fn shortest_float(value: f64) -> Float {
    let single = value as f32;
    if f64::from(single).to_bits() != value.to_bits() {
        return Float::Double(value.to_bits());
    }
    let bits = single.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let exponent = (bits >> 23 & 0xff) as i32 - 127;
    let mantissa = bits & 0x7f_ffff;
    match exponent {
        _ if bits << 1 == 0 => Float::Half(sign),
        -14..=15 if mantissa.trailing_zeros() >= 13 => {
            Float::Half(sign | ((exponent + 15) as u16) << 10 | (mantissa >> 13) as u16)
        }
        // Subnormal halves: the implicit bit becomes explicit and shifts right.
        -24..=-15 => {
            let full = mantissa | 0x80_0000;
            let shift = (-exponent - 1) as u32;
            if full.trailing_zeros() >= shift {
                Float::Half(sign | (full >> shift) as u16)
            } else {
                Float::Single(bits)
            }
        }
        _ => Float::Single(bits),
    }
}

/// IEEE 754 binary16 (RFC 8949 appendix D).
pub(super) fn half_to_f64(bits: u16) -> f64 {
    let magnitude = match (bits >> 10 & 0x1f, f64::from(bits & 0x3ff)) {
        (0, mantissa) => mantissa * 2f64.powi(-24),
        (exponent, mantissa) => (mantissa + 1024.0) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}
