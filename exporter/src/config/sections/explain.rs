//! `explain`.

use crate::config::readers::FLAG;
use crate::config::section::section;

section! {
    /// The pages for people.
    #[derive(Copy, PartialEq, Eq)]
    pub struct Explain {
        /// Texts of errors, addresses and traces on pages without authentication.
        details: bool = FLAG.or("false");
    }
}
