//! Enumerations whose numbers cross the ABI: the C# side has their names and numbers from `ALL`.

/// Defines an enumeration with a list of its values.
macro_rules! coded_enum {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident: $repr:ident { $(#[doc = $doc:literal] $value:ident = $number:literal,)* }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr($repr)]
        pub enum $name { $(#[doc = $doc] $value = $number,)* }

        impl $name {
            /// Every value, and what it says of it in its documentation.
            pub const ALL: &[($name, &str)] = &[$(($name::$value, $doc)),*];
        }
    };
}

pub(crate) use coded_enum;
