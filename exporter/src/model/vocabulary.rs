//! Closed sets of words that labels, pages and the catalogue share.

use serde::Serialize;

/// One word of a closed set, as the catalogue lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Word {
    /// The name in labels.
    pub(crate) name: &'static str,
    /// What a table or a legend shows in its place.
    pub(crate) title: &'static str,
    /// One sentence.
    pub(crate) meaning: &'static str,
}

/// Declares an enum whose values have names in labels: `Variant = "name" => "title"`, the title only where it is not
/// the name. The documentation of a variant is its meaning in the catalogue too.
macro_rules! vocabulary {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $set:ident {
            $($(#[doc = $meaning:literal])+ $variant:ident = $name:literal $(=> $title:literal)?,)+
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $set {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl $set {
            /// All of them, in the order of their declaration.
            $visibility const ALL: [$set; [$($name),+].len()] = [$($set::$variant),+];

            /// The name in labels, logs and the configuration.
            $visibility fn name(self) -> &'static str {
                self.word().name
            }

            /// Name, title and meaning.
            pub(crate) fn word(self) -> $crate::model::Word {
                match self {
                    $($set::$variant => $crate::model::Word {
                        name: $name,
                        title: $crate::model::vocabulary!(@title $name $($title)?),
                        meaning: concat!($($meaning),+).trim_ascii(),
                    },)+
                }
            }
        }
    };
    (@title $name:literal) => { $name };
    (@title $name:literal $title:literal) => { $title };
}
pub(crate) use vocabulary;

#[cfg(test)]
mod tests {
    vocabulary! {
        /// Fruit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Fruit {
            /// It is red, or green,
            /// or both.
            Apple = "apple",
            /// It is yellow.
            Lemon = "lemon" => "sour lemon",
        }
    }

    #[test]
    fn name_title_and_meaning_stand_in_one_place() {
        assert_eq!(Fruit::ALL, [Fruit::Apple, Fruit::Lemon]);
        let words = Fruit::ALL.map(Fruit::word).map(|word| (word.name, word.title, word.meaning));
        let apple = ("apple", "apple", "It is red, or green, or both.");
        assert_eq!(words, [apple, ("lemon", "sour lemon", "It is yellow.")]);
        assert_eq!(Fruit::Lemon.name(), "lemon");
    }
}
