//! The account under which the service runs.

use super::names::ServiceName;

/// Kinds of accounts, distinguished by what each needs at the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// `NT SERVICE\NAME`: made by Windows for this service, without a password, and with the right to log on.
    Virtual,
    /// `DOMAIN\name$`: a group managed service account, whose password the domain keeps.
    Managed(String),
    /// An account of Windows itself, as `NT AUTHORITY\NetworkService`.
    BuiltIn(String),
    /// `DOMAIN\name`, `name@domain` or `.\name`, with a password.
    User(String),
}

/// Accounts with the rights of the machine itself. The exporter needs none of these rights.
const TOO_MIGHTY: [&str; 4] = ["LOCALSYSTEM", r"NT AUTHORITY\SYSTEM", r".\LOCALSYSTEM", "SYSTEM"];

impl Account {
    /// Parses a name as typed.
    ///
    /// # Errors
    /// What is wrong with it, and a hint.
    pub fn parse(text: &str, service: &ServiceName) -> Result<Account, String> {
        let upper = text.to_uppercase();
        if upper == "VIRTUAL" || upper == service.virtual_account().to_uppercase() {
            return Ok(Account::Virtual);
        }
        if TOO_MIGHTY.contains(&upper.as_str()) {
            return Err("the exporter does not run as LocalSystem: it needs none of its rights".to_owned());
        }
        if upper.starts_with(r"NT SERVICE\") {
            return Err(format!("a virtual account has the name of its service: {}", service.virtual_account()));
        }
        if let Some(name) = upper.strip_prefix(r"NT AUTHORITY\") {
            return match name.replace(' ', "").as_str() {
                "NETWORKSERVICE" => Ok(Account::BuiltIn(r"NT AUTHORITY\NetworkService".to_owned())),
                "LOCALSERVICE" => Ok(Account::BuiltIn(r"NT AUTHORITY\LocalService".to_owned())),
                _ => Err("of NT AUTHORITY only NetworkService and LocalService fit".to_owned()),
            };
        }
        let parts = text.split_once('\\').or_else(|| text.split_once('@'));
        let complete = parts.is_some_and(|(one, other)| !one.is_empty() && !other.is_empty() && !other.contains('\\'));
        if !complete || text.chars().any(|c| c.is_control() || c == '"') {
            return Err(r"write it as DOMAIN\name, DOMAIN\name$ (group managed) or name@domain".to_owned());
        }
        if text.ends_with('$') { Ok(Account::Managed(text.to_owned())) } else { Ok(Account::User(text.to_owned())) }
    }

    /// The account's name as the service control manager expects it.
    pub fn name(&self, service: &ServiceName) -> String {
        match self {
            Account::Virtual => service.virtual_account(),
            Account::Managed(name) | Account::BuiltIn(name) | Account::User(name) => name.clone(),
        }
    }

    /// Whether the account must be granted the right to log on as a service.
    pub fn needs_logon_right(&self) -> bool {
        matches!(self, Account::Managed(_) | Account::User(_))
    }

    /// Whether a password belongs to it.
    pub fn needs_password(&self) -> bool {
        matches!(self, Account::User(_))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(text: &str) -> Result<Account, String> {
        Account::parse(text, &"payroll".parse().unwrap())
    }

    #[test]
    fn each_kind_is_known() {
        assert_eq!(parsed(r"nt service\PAYROLL"), Ok(Account::Virtual));
        assert_eq!(parsed("virtual"), Ok(Account::Virtual));
        assert_eq!(parsed(r"CORP\msx$"), Ok(Account::Managed(r"CORP\msx$".to_owned())));
        assert_eq!(parsed(r"CORP\msx"), Ok(Account::User(r"CORP\msx".to_owned())));
        assert_eq!(parsed("msx@corp.example"), Ok(Account::User("msx@corp.example".to_owned())));
        assert_eq!(
            parsed(r"nt authority\network service"),
            Ok(Account::BuiltIn(r"NT AUTHORITY\NetworkService".to_owned()))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in [
            "",
            "msx",
            r"CORP\",
            r"\msx",
            r"a\b\c",
            "LocalSystem",
            r"NT AUTHORITY\System",
            r"NT SERVICE\other",
            "a\"@b",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_has_to_be_done_for_each() {
        let done = |text: &str| {
            let account = parsed(text).unwrap();
            (account.needs_logon_right(), account.needs_password())
        };
        assert_eq!(done("virtual"), (false, false));
        assert_eq!(done(r"CORP\msx$"), (true, false));
        assert_eq!(done(r"CORP\msx"), (true, true));
        assert_eq!(done(r"NT AUTHORITY\LocalService"), (false, false));
    }
}
