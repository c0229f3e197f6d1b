//! Every statement by itself, over a connection of the driver's own.

use crate::server::Server;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tiberius::{Client, ColumnType};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

const PATIENCE: Duration = Duration::from_secs(30);

/// The statements as they are for a database of this name, the settings of the session first.
pub(crate) fn statements(msdb: &str) -> Vec<(String, String)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders = ["sqlserver/sql", "collectors"].map(|folder| sources.join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let sql = paths.filter(|path| path.extension().is_some_and(|ending| ending == "sql"));
    let mut found: BTreeMap<String, String> = sql
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    assert!(found.len() >= 14, "{:?}", found.keys());
    let session = found.remove_entry("session").unwrap();
    let bracketed = format!("[{}]", msdb.replace(']', "]]"));
    let renamed = |text: String| {
        if msdb == "msdb" {
            return text;
        }
        text.replace("N'msdb'", &format!("N'{}'", msdb.replace('\'', "''")))
            .replace("msdb.dbo.", &format!("{}.dbo.", bracketed.replace('\'', "''")))
            .replace("msdb.sys.", &format!("{bracketed}.sys."))
    };
    std::iter::once(session).chain(found).map(|(name, text)| (name, renamed(text))).collect()
}

/// A session that is logged in.
pub(crate) struct Session {
    client: Client<Compat<TcpStream>>,
    /// Such as 16 for SQL Server 2022.
    pub(crate) major: u32,
}

impl Session {
    /// Logs in.
    pub(crate) async fn open(server: &Server) -> Result<Session, String> {
        let (config, address) = server.driver()?;
        let connecting = async {
            let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
            Box::pin(Client::connect(config, stream.compat_write())).await.map_err(|error| error.to_string())
        };
        let client = timeout(PATIENCE, connecting).await.map_err(|_| "no answer to the login".to_owned())??;
        let mut session = Session { client, major: 0 };
        let version = "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version";
        let row = session.client.simple_query(version).await.map_err(|error| error.to_string())?;
        let row = row.into_row().await.map_err(|error| error.to_string())?.ok_or("no version")?;
        let version: &str = row.get("version").ok_or("no version")?;
        session.major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        Ok(session)
    }

    /// Runs one statement to its end; its columns must have the types that the text states.
    pub(crate) async fn ask(&mut self, name: &str, text: &str) -> Result<(), String> {
        let asking = async {
            let stream = self.client.simple_query(text).await?;
            stream.into_results().await
        };
        let results = timeout(PATIENCE, asking).await.map_err(|_| "no answer".to_owned())?;
        let results = results.map_err(|error| error.to_string())?;
        let stated = stated(text);
        if name == "session" {
            return if results.iter().all(Vec::is_empty) { Ok(()) } else { Err("it answers rows".to_owned()) };
        }
        let [rows] = results.as_slice() else { return Err(format!("{} result sets", results.len())) };
        for row in rows {
            let came: Vec<&str> = row.columns().iter().map(tiberius::Column::name).collect();
            let asked: Vec<&str> = stated.iter().map(|(name, _)| name.as_str()).collect();
            if came != asked {
                return Err(format!("columns {came:?} instead of {asked:?}"));
            }
            for (column, (_, ty)) in row.columns().iter().zip(&stated) {
                if !is(column.column_type(), ty) {
                    return Err(format!("{} is {:?} and not {ty}", column.name(), column.column_type()));
                }
            }
        }
        Ok(())
    }
}

/// Names and types of the columns, from the text: `CAST(… AS type) AS name` at the end of each line of the list. A line that is
/// indented further goes on with the one before.
fn stated(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\n        ", " ");
    let lines = text.lines().filter(|line| line.starts_with("SELECT ") || line.starts_with("       CAST("));
    let columns = lines.filter_map(|line| {
        let (cast, name) = line.trim_end_matches([',', ';']).rsplit_once(") AS ")?;
        let ty = cast.rsplit_once(" AS ")?.1.split('(').next()?;
        Some((name.trim_matches(['[', ']']).to_owned(), ty.to_owned()))
    });
    columns.collect()
}

fn is(came: ColumnType, stated: &str) -> bool {
    use ColumnType as C;
    match stated {
        "tinyint" | "int" | "bigint" => matches!(came, C::Int1 | C::Int4 | C::Int8 | C::Intn),
        "nvarchar" => came == C::NVarchar,
        "datetime" => matches!(came, C::Datetime | C::Datetimen),
        "datetime2" => came == C::Datetime2,
        "uniqueidentifier" => came == C::Guid,
        _ => false,
    }
}
