//! What every identifier type shares: a private string, read access, serde as a string.

/// Declares an identifier that may be shown and logged in full.
macro_rules! plain_text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, ts_rs::TS)]
        #[ts(type = "string")]
        pub struct $name(String);

        impl $name {
            /// The stored form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Declares an identifier of a person: no `Display`, and `Debug` does not tell the value.
macro_rules! personal_text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, ts_rs::TS)]
        #[ts(type = "string")]
        pub struct $name(String);

        impl $name {
            /// The stored form, in clear: for sealing, matching and an audited reveal only.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}

/// Reads the type from a string by parsing it again.
macro_rules! deserialise_by {
    ($name:ident, $parse:expr) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(source)?;
                let parse: fn(&str) -> Result<crate::ident::Parsed<$name>, crate::ident::Reject> =
                    $parse;
                parse(&text)
                    .map(|parsed| parsed.value)
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {deserialise_by, personal_text_type, plain_text_type};
