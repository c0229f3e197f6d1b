//! Names of time zones, by which a person or a server calls them.

use jiff::tz::TimeZone;

/// A zone by its IANA or Windows name, such as `Europe/Berlin` or `W. Europe Standard Time`.
pub(crate) fn zone_by_name(name: &str) -> Option<TimeZone> {
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    let windows: windows_timezones::WindowsTimezone = name.parse().ok()?;
    TimeZone::get(windows.tzdb_id()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_names_are_known() {
        for name in ["Europe/Berlin", "W. Europe Standard Time", "UTC"] {
            assert!(zone_by_name(name).is_some(), "{name}");
        }
        assert!(zone_by_name("Middle-earth").is_none());
    }
}
