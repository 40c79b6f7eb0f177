//! The language in which a family's file lists its types.
//!
//! [`family!`] holds all there is to say about each type in one place: its past-tense name, its
//! version, whether it is a fact or an act, which kinds of subject it may be about, its fields and
//! a sample. [`record!`] defines the structures such fields are made of and [`choice!`] closed sets of
//! words. Adding a type is adding one block to one `family!`; adding a family is one file and
//! one line in `catalogue.rs`.
//!
//! ```text
//! /// Someone takes the model on. Signed by who takes it.
//! act "ownership_accepted" v 1 on &[Model];
//! pub struct OwnershipAccepted {
//!     /// What for.
//!     role: OwnershipRole,
//!     /// Who had it before.
//!     from: Option<Identity>,
//! }
//! sample {
//!     "occurred": day(13),
//!     "subject": story::scorecard(),
//!     "data": { "role": "owner" },
//! }
//! ```
//!
//! A sample says all but `id`, `type` and `v`. Where the story needs a type more than once, further samples follow,
//! each with a label: `sample { … }, "claims" { … }`. A second version of a type is one more block, with
//! `v 2` and a structure of another name; the first stays for ever.

/// A structure that travels as an object: fields of type `Option` are left out when absent, lists
/// (`Vec`) when empty; everything else is required; no other field is let in.
///
/// Also gives it `new`, which takes the required fields in their order and leaves out the rest (or
/// `Default`, where nothing is required).
macro_rules! record {
    // No more fields.
    (@munch $head:tt $name:ident {$($fields:tt)*} [$($required:ident: $type:ty,)*] [$($other:ident,)*]) => {
        record!(@define $head $name {$($fields)*});
        record!(@new $name [$($required: $type,)*] [$($other,)*]);
    };
    (@munch $head:tt $name:ident {$($fields:tt)*} $required:tt [$($other:tt)*]
        $(#[$meta:meta])* $field:ident: Option<$type:ty>, $($rest:tt)*
    ) => {
        record!(@munch $head $name {
            $($fields)*
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::list::present")]
            pub $field: Option<$type>,
        } $required [$($other)* $field,] $($rest)*);
    };
    (@munch $head:tt $name:ident {$($fields:tt)*} $required:tt [$($other:tt)*]
        $(#[$meta:meta])* $field:ident: Vec<$type:ty>, $($rest:tt)*
    ) => {
        record!(@munch $head $name {
            $($fields)*
            $(#[$meta])*
            #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::list::limited")]
            #[schemars(length(max = 1024))]
            pub $field: Vec<$type>,
        } $required [$($other)* $field,] $($rest)*);
    };
    (@munch $head:tt $name:ident {$($fields:tt)*} [$($required:tt)*] $other:tt
        $(#[$meta:meta])* $field:ident: $type:ty, $($rest:tt)*
    ) => {
        record!(@munch $head $name {
            $($fields)*
            $(#[$meta])*
            pub $field: $type,
        } [$($required)* $field: $type,] $other $($rest)*);
    };
    (@define [$($meta:tt)*] $name:ident {$($fields:tt)*}) => {
        $($meta)*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($fields)* }
    };
    (@new $name:ident [] [$($other:ident,)*]) => {
        impl Default for $name {
            /// Saying nothing yet.
            fn default() -> Self {
                Self { $($other: Default::default(),)* }
            }
        }
    };
    (@new $name:ident [$($required:ident: $type:ty,)+] [$($other:ident,)*]) => {
        impl $name {
            /// With the required fields only.
            pub fn new($($required: $type),+) -> Self {
                Self { $($required,)+ $($other: Default::default(),)* }
            }
        }
    };
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        record!(@munch [$(#[$meta])*] $name {} [] [] $($body)*);
    };
}

/// A closed set of words, written in kebab-case.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(
            Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($body)* }
    };
}

/// One family of types.
macro_rules! family {
    // How the data of a type is defined: a structure, or a choice between documents, told apart by
    // `kind`, the document itself under `content`. Deterministic CBOR puts the shorter key first,
    // so the kind is known before the document is read.
    (@data struct [$($meta:tt)*] $data:ident { $($body:tt)* }) => {
        record! { $($meta)* pub struct $data { $($body)* } }
    };
    (@data enum [$($meta:tt)*] $data:ident { $($body:tt)* }) => {
        $($meta)*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(tag = "kind", content = "content", rename_all = "kebab-case", deny_unknown_fields)]
        pub enum $data { $($body)* }
    };
    (@nature fact) => { crate::Nature::Fact };
    (@nature act) => { crate::Nature::Act };
    (
        $(#[$family_meta:meta])*
        pub enum $family:ident($prefix:literal);
        $(
            $(#[$meta:meta])*
            $nature:ident $name:literal v $version:literal on $subjects:expr;
            pub $keyword:ident $data:ident { $($body:tt)* }
            sample { $($sample:tt)* } $(, $label:literal { $($also:tt)* })*
        )+
    ) => {
        $(
            family!(@data $keyword [$(#[$meta])*] $data { $($body)* });

            impl $data {
                /// The type's entry in the catalogue.
                pub const INFO: &'static crate::TypeInfo = &crate::TypeInfo {
                    event_type: concat!($prefix, ".", $name),
                    version: $version,
                    nature: family!(@nature $nature),
                    subject_kinds: $subjects,
                    data_schema: |generator| generator.subschema_for::<Self>(),
                    sample: || crate::story::tell(Self::INFO, None, serde_json::json!({ $($sample)* })),
                    more_samples: &[$(
                        ($label, || crate::story::tell(Self::INFO, Some($label), serde_json::json!({ $($also)* }))),
                    )*],
                };
            }

            impl From<$data> for crate::Data {
                fn from(data: $data) -> Self {
                    $family::$data(Box::new(data)).into()
                }
            }
        )+

        $(#[$family_meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $family {
            $($(#[$meta])* $data(Box<$data>),)+
        }

        impl $family {
            pub(crate) const NAME: &'static str = $prefix;
            pub(crate) const TYPES: &'static [&'static crate::TypeInfo] = &[$($data::INFO),+];

            /// The catalogue entry of the type this is.
            pub fn info(&self) -> &'static crate::TypeInfo {
                match self {
                    $(Self::$data(_) => $data::INFO,)+
                }
            }

            /// Reads the data of the type `info`, which must be of this family.
            pub(crate) fn decode<'de, D: serde::Deserializer<'de>>(
                info: &crate::TypeInfo,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                match (info.name(), info.version) {
                    $(($name, $version) => {
                        serde::Deserialize::deserialize(deserializer).map(Box::new).map(Self::$data)
                    })+
                    _ => Err(serde::de::Error::custom(format_args!("{} is not of this family", info.event_type))),
                }
            }
        }

        impl serde::Serialize for $family {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$data(data) => data.serialize(serializer),)+
                }
            }
        }
    };
}

/// The word of the vocabulary for one of a closed set, such as `production`.
#[must_use]
pub fn word<T: serde::Serialize>(choice: &T) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
