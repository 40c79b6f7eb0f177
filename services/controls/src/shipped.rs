//! The packs that come with the product. Each is a file that anybody can read, copy and change: `schemas/controls/`.

/// A pack as it is shipped.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// The examples of what it says.
    pub examples: &'static str,
}

macro_rules! shipped {
    ($($name:literal,)+) => {
        /// All of them, by name.
        pub const SHIPPED: &[Shipped] = &[$(Shipped {
            name: $name,
            text: include_str!(concat!("../../../schemas/controls/", $name, ".toml")),
            examples: include_str!(concat!("../../../schemas/controls/", $name, ".examples.toml")),
        },)+];
    };
}

shipped! {
    "21-cfr-11",
    "eu-ai-act-high-risk",
    "iso-42001",
    "nist-ai-rmf",
    "sr-26-2",
}

/// The shipped pack of a name.
#[must_use]
pub fn shipped(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|pack| pack.name == name)
}
