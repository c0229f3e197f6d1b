//! Rules of the Windows firewall as the registry keeps them, and the networks on which they apply.
//!
//! Their grammar is that of MS-GPFAS 2.2.2.19, `v2.31|Action=Allow|Dir=In|...|`: unlike what the tools of Windows print, it
//! is the same in every language of Windows.

use std::fmt;

/// The kinds of networks, as the firewall's profiles are called.
const PROFILES: [&str; 3] = ["Domain", "Private", "Public"];

/// A rule with what matters of it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    is_active: bool,
    /// Allows what comes in.
    lets_in: bool,
    ports: Vec<String>,
    from: Vec<String>,
    profiles: Vec<String>,
}

impl Rule {
    /// Reads a rule of this name; `None` for any other.
    pub fn named(name: &str, text: &str) -> Option<Rule> {
        let fields: Vec<(&str, &str)> = text.split('|').filter_map(|field| field.split_once('=')).collect();
        let all = |keys: &[&str]| -> Vec<String> {
            let values = fields.iter().filter(|(key, _)| keys.contains(key));
            values.map(|(_, value)| (*value).to_owned()).collect()
        };
        let is = |key: &str, wanted: &str| fields.iter().any(|(k, v)| *k == key && v.eq_ignore_ascii_case(wanted));
        fields.contains(&("Name", name)).then(|| Rule {
            is_active: is("Active", "TRUE"),
            lets_in: is("Action", "Allow") && is("Dir", "In"),
            ports: all(&["LPort", "LPort2_10"]),
            from: all(&["RA4", "RA6", "RA42", "RA62"]),
            profiles: all(&["Profile"]),
        })
    }

    /// A rule without a profile applies on every network.
    fn applies_on(&self, network: &str) -> bool {
        self.is_active && self.lets_in && (self.profiles.is_empty() || self.profiles.iter().any(|own| own == network))
    }

    fn has_port(&self, port: u16) -> bool {
        self.ports.is_empty()
            || self.ports.iter().any(|text| match text.split_once('-') {
                Some((first, last)) => {
                    first.parse().is_ok_and(|first: u16| first <= port)
                        && last.parse().is_ok_and(|last: u16| port <= last)
                }
                None => text.parse() == Ok(port),
            })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |values: &[String], any: &str| if values.is_empty() { any.to_owned() } else { values.join(", ") };
        if !self.is_active {
            f.write_str("switched off: ")?;
        } else if !self.lets_in {
            f.write_str("it lets nothing in: ")?;
        }
        let profiles = or(&self.profiles, "every profile").to_lowercase();
        write!(f, "TCP {} from {}, profiles {profiles}", or(&self.ports, "any port"), or(&self.from, "any address"))
    }
}

/// The kinds of the networks that Windows is connected to, from the words of `Get-NetConnectionProfile`.
///
/// # Errors
/// The words that are no kind of network, or that there are none.
pub fn networks(words: &str) -> Result<Vec<&'static str>, String> {
    let known = |word: &str| {
        let word = if word == "DomainAuthenticated" { "Domain" } else { word };
        let known = PROFILES.into_iter().find(|profile| *profile == word);
        known.ok_or_else(|| format!("Get-NetConnectionProfile calls a network {word:?}"))
    };
    let found: Vec<&str> = words.split_whitespace().map(known).collect::<Result<_, _>>()?;
    if found.is_empty() { Err("Get-NetConnectionProfile names no network".to_owned()) } else { Ok(found) }
}

/// What these rules of one name do for a service that listens on these ports, in a row of the status.
pub fn in_words(name: &str, rules: &[Rule], ports: &[u16]) -> String {
    if rules.is_empty() {
        return format!("there is none named {name:?}; hint: msx_exporter service configure --service.firewall");
    }
    let mut lines: Vec<String> = rules.iter().map(ToString::to_string).collect();
    for port in ports.iter().filter(|port| !rules.iter().any(|rule| rule.has_port(**port))) {
        lines.push(format!("it does not name port {port}; hint: msx_exporter service configure --service.firewall"));
    }
    lines.join("\n")
}

/// The networks, and on which of them no rule applies.
pub fn networks_in_words(networks: &[&str], rules: &[Rule]) -> String {
    let mut lines = vec![networks.join(", ").to_lowercase()];
    let closed =
        networks.iter().filter(|network| !rules.is_empty() && !rules.iter().any(|rule| rule.applies_on(network)));
    for network in closed {
        lines.push(format!("the rule does not apply on a {} network", network.to_lowercase()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NAME: &str = "msx_exporter: x";
    const RULE: &str = r"v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=9814|LPort=9815|RA4=10.1.0.0/255.255.0.0|RA4=192.0.2.1|App=C:\Program Files\msx_exporter\msx_exporter.exe|Svc=x|Name=msx_exporter: x|";

    fn rule(text: &str) -> Rule {
        Rule::named(NAME, text).unwrap()
    }

    #[test]
    fn a_rule_says_whom_it_lets_in_where() {
        for (text, words) in [
            (RULE.to_owned(), "TCP 9814, 9815 from 10.1.0.0/255.255.0.0, 192.0.2.1, profiles domain, private"),
            (
                RULE.replace("TRUE", "FALSE"),
                "switched off: TCP 9814, 9815 from 10.1.0.0/255.255.0.0, 192.0.2.1, profiles domain, private",
            ),
            (
                format!("v2.0|Action=Allow|Active=TRUE|Dir=In|Name={NAME}|"),
                "TCP any port from any address, profiles every profile",
            ),
            (
                format!("v2.0|Action=Block|Active=TRUE|Dir=In|LPort=1|Name={NAME}|"),
                "it lets nothing in: TCP 1 from any address, profiles every profile",
            ),
        ] {
            assert_eq!(rule(&text).to_string(), words);
        }
        for other in ["", "|", "v2.31|Name=msx_exporter: xx|", "Name", "v2.31|Desc=msx_exporter: x|"] {
            assert_eq!(Rule::named(NAME, other), None, "{other}");
        }
    }

    #[test]
    fn a_port_that_no_rule_names_is_a_remark_and_so_is_a_network_where_none_applies() {
        let rules = [rule(RULE)];
        assert_eq!(in_words(NAME, &rules, &[9814, 9815]).lines().count(), 1);
        assert!(in_words(NAME, &rules, &[9814, 9816]).contains("does not name port 9816"));
        assert!(in_words(NAME, &[], &[9814]).starts_with("there is none named"));
        let range = [rule(&RULE.replace("LPort=9815", "LPort2_10=9000-9816"))];
        assert_eq!(in_words(NAME, &range, &[9816, 9000]).lines().count(), 1);
        assert_eq!(networks_in_words(&["Domain", "Private"], &rules), "domain, private");
        assert_eq!(networks_in_words(&["Public"], &rules), "public\nthe rule does not apply on a public network");
        assert_eq!(
            networks_in_words(&["Public"], &[rule(&format!("v2.0|Action=Allow|Active=TRUE|Dir=In|Name={NAME}|"))]),
            "public"
        );
        assert_eq!(networks_in_words(&["Public"], &[]), "public");
    }

    #[test]
    fn networks_have_the_names_of_profiles() {
        assert_eq!(networks("DomainAuthenticated\r\nPublic\r\n").unwrap(), ["Domain", "Public"]);
        assert!(networks("Heimnetz").unwrap_err().contains("Heimnetz"));
        assert!(networks(" \r\n").unwrap_err().contains("names no network"));
    }
}
