//! Every name on a host that is derived from the name of an instance.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The name of the service where none is given.
pub const DEFAULT: &str = "msx_exporter";

/// The name of one instance: a name of a service, a file and an event source at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceName(String);

impl ServiceName {
    /// As typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The display name in the list of services.
    pub fn display(&self) -> String {
        if self.0.eq_ignore_ascii_case(DEFAULT) {
            "MSX exporter for Prometheus".to_owned()
        } else {
            format!("MSX exporter for Prometheus ({})", self.0)
        }
    }

    /// The path of its configuration in the folder of all instances.
    pub fn configuration(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.yml", self.0))
    }

    /// The name of its rule in the firewall.
    pub fn firewall_rule(&self) -> String {
        format!("msx_exporter: {}", self.0)
    }

    /// The virtual account that Windows keeps for this service alone.
    pub fn virtual_account(&self) -> String {
        format!(r"NT SERVICE\{}", self.0)
    }
}

impl Default for ServiceName {
    fn default() -> ServiceName {
        ServiceName(DEFAULT.to_owned())
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServiceName {
    type Err = String;

    /// Stricter than Windows: the name must also be valid as a file name, a registry key and an unquoted word of a
    /// command line.
    fn from_str(text: &str) -> Result<ServiceName, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let fits = (1..=80).contains(&text.len())
            && text.chars().all(plain)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !text.ends_with('.');
        let stem = text.split('.').next().unwrap_or_default().to_ascii_uppercase();
        let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
            || (stem.len() == 4
                && (stem.starts_with("COM") || stem.starts_with("LPT"))
                && stem.ends_with(|c: char| c.is_ascii_digit()));
        if fits && !device {
            Ok(ServiceName(text.to_owned()))
        } else {
            Err("up to 80 letters, digits, dots, hyphens and underscores, the first one a letter or a digit".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_that_fit_everywhere() {
        for name in ["msx_exporter", "msx_exporter_payroll", "MSX-2", "a.b", "COM", "console"] {
            assert_eq!(name.parse::<ServiceName>().unwrap().as_str(), name);
        }
        let long = "x".repeat(81);
        for name in ["", "a b", r"a\b", "a/b", "a\"", "nul", "Con.x", "com1", "-a", ".a", "a.", "a$", "ä", &long] {
            assert!(name.parse::<ServiceName>().is_err(), "{name}");
        }
    }

    #[test]
    fn each_instance_has_things_of_its_own() {
        let (one, other) = (ServiceName::default(), "payroll".parse::<ServiceName>().unwrap());
        assert_eq!(one.configuration(Path::new("d")), Path::new("d").join("msx_exporter.yml"));
        assert_eq!(other.configuration(Path::new("d")), Path::new("d").join("payroll.yml"));
        assert_eq!(other.virtual_account(), r"NT SERVICE\payroll");
        assert_ne!(one.firewall_rule(), other.firewall_rule());
        assert_ne!(one.display(), other.display());
    }
}
