//! The vocabulary of the pages that targets write.

use super::vocabulary::vocabulary;

vocabulary! {
    /// What took a page.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PageSource {
        /// This program, by `once` with `role: target`.
        Exporter = "exporter",
        /// probe.ps1.
        Script = "script",
    }
}

vocabulary! {
    /// How a service of Windows starts.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum StartMode {
        /// With the system, or a little later.
        Automatic = "automatic",
        /// When something starts it: a person, or the cluster.
        Manual = "manual",
        /// Not at all.
        Disabled = "disabled",
    }
}

impl StartMode {
    /// How it starts, in a sentence.
    pub(crate) fn adverb(self) -> &'static str {
        match self {
            StartMode::Automatic => "automatically",
            StartMode::Manual => "manually",
            StartMode::Disabled => "never, for it is disabled",
        }
    }
}

vocabulary! {
    /// Whose authorities judged the master's certificate.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Store {
        /// The store of Windows, by which SQL Server Agent judges.
        Windows = "windows",
        /// A file: `master.ca_file`, or the authorities of a system that keeps them in files.
        File = "file",
        /// Those that came with the program that looked.
        Bundled = "bundled",
    }
}
