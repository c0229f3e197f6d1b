//! Closed sets of words: an enum, the order of its variants and their names from one table.

/// What has a name in labels, logs and the configuration, and belongs to a closed set.
pub trait Word: Copy + 'static {
    /// The whole set, in its order.
    fn all() -> &'static [Self];
    /// The name in labels, logs and the configuration.
    fn word(self) -> &'static str;
}

/// Declares an enum with `ALL`, `name` and [`Word`]; it may also be the key of an [`enum_map::EnumMap`].
macro_rules! vocabulary {
    ($(#[$about:meta])* $visible:vis enum $set:ident { $($(#[$meaning:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
        $visible enum $set {
            $($(#[$meaning])* $variant,)+
        }

        impl $set {
            /// The whole set, in its order.
            pub const ALL: [$set; <$set as enum_map::Enum>::LENGTH] = [$($set::$variant),+];

            /// The name in labels, logs and the configuration.
            pub const fn name(self) -> &'static str {
                match self {
                    $($set::$variant => $name,)+
                }
            }
        }

        impl $crate::model::Word for $set {
            fn all() -> &'static [$set] {
                &$set::ALL
            }

            fn word(self) -> &'static str {
                self.name()
            }
        }
    };
}

pub(super) use vocabulary;
