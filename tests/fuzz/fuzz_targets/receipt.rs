#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    probity_tests::fuzzing::receipt(data);
});
