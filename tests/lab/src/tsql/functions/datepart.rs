//! Parts of a date, with the abbreviations that Transact-SQL allows.

/// A part of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DatePart {
    Year,
    Quarter,
    Month,
    DayOfYear,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    TzOffset,
}

impl DatePart {
    /// The part of this name.
    pub fn named(name: &str) -> Option<DatePart> {
        Some(match name.to_ascii_lowercase().as_str() {
            "year" | "yy" | "yyyy" => DatePart::Year,
            "quarter" | "qq" | "q" => DatePart::Quarter,
            "month" | "mm" | "m" => DatePart::Month,
            "dayofyear" | "dy" | "y" => DatePart::DayOfYear,
            "day" | "dd" | "d" => DatePart::Day,
            "hour" | "hh" => DatePart::Hour,
            "minute" | "mi" | "n" => DatePart::Minute,
            "second" | "ss" | "s" => DatePart::Second,
            "millisecond" | "ms" => DatePart::Millisecond,
            "microsecond" | "mcs" => DatePart::Microsecond,
            "nanosecond" | "ns" => DatePart::Nanosecond,
            "tzoffset" | "tz" => DatePart::TzOffset,
            _ => return None,
        })
    }

    /// Its length in nanoseconds, where it always has the same.
    pub fn nanoseconds(self) -> Option<i128> {
        Some(match self {
            DatePart::Day | DatePart::DayOfYear => 86_400_000_000_000,
            DatePart::Hour => 3_600_000_000_000,
            DatePart::Minute => 60_000_000_000,
            DatePart::Second => 1_000_000_000,
            DatePart::Millisecond => 1_000_000,
            DatePart::Microsecond => 1_000,
            DatePart::Nanosecond => 1,
            _ => return None,
        })
    }
}
