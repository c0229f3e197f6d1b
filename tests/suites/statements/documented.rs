//! What may be named in a statement: what Microsoft's own models have in a version, the functions that the lab knows, and
//! what the models lack.

use msx_lab::msdb::{models, schema};
use msx_lab::tsql::functions;

/// The oldest version that is supported.
pub(crate) const FLOOR: u16 = 2012;

/// A table or view with the columns that may be named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// What reading it takes.
    pub(crate) needs: schema::Needs,
    object: &'static models::Object,
}

/// Functions that only texts for people call, with the version that brought them, fewest and most arguments. Source: the page
/// of each in the Transact-SQL reference.
const FUNCTIONS: [(&str, u16, usize, usize); 1] = [("LOGINPROPERTY", 2012, 2, 2)];

/// Functions that answer with a table, with its columns. Source: `system-functions/sys-fn-my-permissions-transact-sql`.
const TABLES: [(&str, &[&str]); 1] = [("fn_my_permissions", &["entity_name", "subentity_name", "permission_name"])];

/// Views that the models lack here, with the columns that are read. Sources:
/// `system-catalog-views/messages-for-errors-catalog-views-sys-messages`,
/// `system-dynamic-management-views/sys-dm-xe-session-targets-transact-sql`,
/// `system-catalog-views/sys-server-event-sessions-transact-sql`.
const MORE_VIEWS: [(&str, &[&str]); 4] = [
    ("dm_os_schedulers", &[]),
    ("messages", &[]),
    ("dm_xe_session_targets", &["event_session_address", "target_name", "target_data"]),
    ("server_event_sessions", &["name"]),
];

/// What a session of Extended Events is made of, in every version. Source: `sys.dm_xe_objects` lists them;
/// `relational-databases/extended-events` names each.
const EVENTS: [&str; 7] = [
    "sqlserver.login",
    "sqlserver.error_reported",
    "sqlserver.client_app_name",
    "sqlserver.client_hostname",
    "sqlserver.server_principal_name",
    "sqlserver.like_i_sql_unicode_string",
    "package0.ring_buffer",
];

/// Procedures that the models lack. `sp_add_job`, `sp_delete_job`: `system-stored-procedures/<procedure>-transact-sql`;
/// the models have them, the table leaves them out, for nothing here calls them. `xp_instance_regread`, `xp_readerrorlog`:
/// no page has them; `sp_get_sqlagent_properties` and `sp_readerrorlog` call them so. Parameters have no names there.
const MORE_PROCEDURES: [&str; 7] = [
    "sp_add_job",
    "sp_addserver",
    "sp_delete_job",
    "sp_dropserver",
    "sp_sqlagent_check_msx_version",
    "xp_instance_regread",
    "xp_readerrorlog",
];

/// The table or view of this name in a version.
pub(crate) fn table(schema: &str, name: &str, version: u16) -> Option<Table> {
    let object = models::object(schema, name).filter(|object| !is_procedure(object) && object.since <= version)?;
    let needs = schema::table(schema, name).map_or(schema::Needs::Select, |known| known.needs);
    Some(Table { name: object.name, needs, object })
}

fn is_procedure(object: &models::Object) -> bool {
    object.name.starts_with("sp_")
}

impl Table {
    /// Whether it has this column in a version.
    pub(crate) fn has(&self, column: &str, version: u16) -> bool {
        self.object.member(column).is_some_and(|column| column.since <= version)
    }

    /// Its columns in a version.
    pub(crate) fn columns(&self, version: u16) -> impl Iterator<Item = &'static models::Member> {
        self.object.members.iter().filter(move |column| column.since <= version)
    }
}

/// The columns of a view, or of a function that answers with a table, which the models lack.
pub(crate) fn beyond_the_models(name: &str) -> Option<&'static [&'static str]> {
    TABLES.iter().chain(&MORE_VIEWS).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, columns)| *columns)
}

/// Whether `sys` has something of this name to select from in the oldest version.
pub(crate) fn engine_has(name: &str) -> bool {
    table("sys", name, FLOOR).is_some() || beyond_the_models(name).is_some()
}

/// Why a call is not allowed in a version, if it is not.
pub(crate) fn call(name: &str, arguments: usize, version: u16) -> Result<(), String> {
    let of_the_lab = functions::function(name).map(|known| (known.since, known.fewest, known.most));
    let more = FUNCTIONS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    let known = of_the_lab.or(more.map(|(_, since, fewest, most)| (*since, *fewest, *most)));
    let (since, fewest, most) = known.ok_or_else(|| format!("the function {name} is not on the list"))?;
    if since > version {
        return Err(format!("the function {name} came with {since}, and {version} must understand this"));
    }
    if !(fewest..=most).contains(&arguments) {
        return Err(format!("the function {name} does not take {arguments} arguments"));
    }
    Ok(())
}

/// Why a procedure with these parameters, each with its @, is not there in a version, if it is not.
pub(crate) fn procedure<'a>(
    name: &str,
    parameters: impl IntoIterator<Item = &'a str>,
    version: u16,
) -> Result<(), String> {
    let known = models::object("dbo", name).filter(|known| is_procedure(known) && known.since <= version);
    for parameter in parameters {
        let has = known.and_then(|known| known.member(parameter)).is_some_and(|found| found.since <= version);
        if known.is_some() && !has {
            return Err(format!("the procedure {name} has no parameter {parameter} in {version}"));
        }
    }
    match known {
        None if !MORE_PROCEDURES.contains(&name) => Err(format!("the procedure {name} is not on the list")),
        _ => Ok(()),
    }
}

/// Whether Extended Events have an event, an action, a predicate or a target of this name.
pub(crate) fn event(name: &str) -> bool {
    EVENTS.contains(&name)
}
