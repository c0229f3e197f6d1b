//! Refused logins, as the connectivity ring buffer keeps them.
//!
//! Its records are XML texts of a view that is documented as not supported (`sys.dm_os_ring_buffers`). So only four
//! elements are looked for, each within a bound, and a record without them is no refusal rather than an error.
//!
//! Microsoft describes it in "Connectivity troubleshooting in SQL Server 2008 with the Connectivity Ring Buffer" (the
//! archived blog sql_protocols): a record for each refused login and each connection that the server closed, of the types
//! Error, ConnectionClose and LoginTimers. A LoginTimers record seems to repeat the error of the Error record; the
//! statement takes the Error records alone. Their order of elements differs, and elements may be empty (`<RemoteHost/>`).

/// A login that the server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where it came from, as the server writes it: an address, or a word such as `<local machine>`.
    pub host: String,
    /// The error, such as 18456.
    pub error: u32,
    /// Its state, which names the reason that the client does not learn.
    pub state: Option<u32>,
    /// When, as the server writes it.
    pub at: String,
}

/// An address takes 45 characters, a time fewer.
const LONGEST: usize = 64;
/// Errors that refuse a login; the rest of the ring buffer is about connections that broke.
/// [Database engine errors](https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors):
/// SSPI handshakes, logon triggers, and the range of failed logins.
const SSPI: u32 = 17_806;
const LOGON_TRIGGER: u32 = 17_892;
const FAILED_LOGINS: std::ops::RangeInclusive<u32> = 18_450..=18_499;

/// Reads one record.
pub(crate) fn refusal(record: &str) -> Option<Refusal> {
    let error = element(record, "SniConsumerError")?.parse().ok()?;
    let refuses = error == SSPI || error == LOGON_TRIGGER || FAILED_LOGINS.contains(&error);
    // The server's own connections, as to a linked server, have the far end in RemoteHost.
    let own = matches!(element(record, "IsClient"), Some("1" | "true"));
    (refuses && !own).then_some(())?;
    Some(Refusal {
        host: plain(element(record, "RemoteHost")?),
        error,
        state: element(record, "State").and_then(|state| state.parse().ok()),
        at: plain(element(record, "RecordTime").unwrap_or_default()),
    })
}

/// The text of the first element of this name that is not too long.
fn element<'r>(record: &'r str, name: &str) -> Option<&'r str> {
    let (_, rest) = record.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once("</")?;
    (text.len() <= LONGEST).then(|| text.trim())
}

fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    text.chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// In the order of elements that records of real servers have.
    fn record(error: &str, host: &str) -> String {
        format!(
            "<Record id=\"7\" type=\"RING_BUFFER_CONNECTIVITY\" time=\"71125202\"><ConnectivityTraceRecord>\
             <RecordType>Error</RecordType><RecordSource>Tds</RecordSource><Spid>0</Spid>\
             <SniConnectionId>0D1F3C6E-5A0B-4C55-9C7E-2F1B7A9D1E11</SniConnectionId><SniProvider>7</SniProvider>\
             <OSError>0</OSError><SniConsumerError>{error}</SniConsumerError><State>8</State>\
             <RemoteHost>{host}</RemoteHost><RemotePort>50112</RemotePort><LocalHost>10.1.0.1</LocalHost>\
             <LocalPort>1433</LocalPort><RecordTime>11/22/2026 11:59:3.12</RecordTime>\
             </ConnectivityTraceRecord><Stack><frame id=\"0\">0X0000000001CBE2B2</frame></Stack></Record>"
        )
    }

    #[test]
    fn a_refused_login_tells_from_where_and_why() {
        let read = refusal(&record("18456", "10.1.0.8")).unwrap();
        assert_eq!((read.host.as_str(), read.error, read.state), ("10.1.0.8", 18_456, Some(8)));
        assert_eq!(read.at, "11/22/2026 11:59:3.12");
        assert_eq!(refusal(&record("18452", "&lt;local machine&gt;")).unwrap().host, "<local machine>");
    }

    #[test]
    fn what_is_no_refusal_is_left_out() {
        for text in [
            String::new(),
            record("17830", "10.1.0.8"),
            record("17807", "10.1.0.8"),
            record("18456", "10.1.0.8").replace("<RemoteHost>", "<IsClient>1</IsClient><RemoteHost>"),
            record("0", "10.1.0.8"),
            record("-1", "10.1.0.8"),
            record("18456", &"9".repeat(LONGEST + 1)),
            "<SniConsumerError>18456".to_owned(),
            // Over shared memory and named pipes there may be no address.
            record("18456", "").replace("<RemoteHost></RemoteHost>", "<RemoteHost/>"),
            record("18456", "").replace("<RemoteHost></RemoteHost>", "<RemoteHost />"),
            "<SniConsumerError>18456</SniConsumerError>".to_owned(),
        ] {
            assert_eq!(refusal(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_or_grows(noise in any::<String>(), cut in 0usize..400) {
            let whole = record("18456", &noise);
            let cut = whole.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut).last().unwrap_or(0);
            for text in [&noise, &whole, &whole[..cut]] {
                if let Some(read) = refusal(text) {
                    prop_assert!(read.host.len() <= LONGEST && read.at.len() <= LONGEST);
                }
            }
        }
    }
}
