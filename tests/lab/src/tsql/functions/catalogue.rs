//! The functions that this evaluator knows, as data: the binder looks here, and so can a static check of statements.

use super::Builtin as B;
use crate::tsql::world::ServerFunction as F;

/// A built-in function.
#[derive(Debug, Clone, Copy)]
pub struct FunctionDef {
    /// Its name, in upper case.
    pub name: &'static str,
    /// The first version that has it, as the year in its name. 2012 stands for "at least since 2012".
    pub since: u16,
    /// Fewest arguments.
    pub fewest: usize,
    /// Most arguments.
    pub most: usize,
    /// What runs it; `None` where the binder takes care of it.
    pub(crate) builtin: Option<B>,
}

const fn def(name: &'static str, fewest: usize, most: usize, builtin: B) -> FunctionDef {
    FunctionDef { name, since: 2012, fewest, most, builtin: Some(builtin) }
}

const fn since(name: &'static str, since: u16, fewest: usize, most: usize, builtin: B) -> FunctionDef {
    FunctionDef { name, since, fewest, most, builtin: Some(builtin) }
}

const fn special(name: &'static str, fewest: usize, most: usize) -> FunctionDef {
    FunctionDef { name, since: 2012, fewest, most, builtin: None }
}

/// All of them. Versions are those of the "Applies to" line of each function's page in the Transact-SQL reference;
/// `@@` variables are listed like functions.
pub static FUNCTIONS: &[FunctionDef] = &[
    special("COUNT", 1, 1),
    special("COUNT_BIG", 1, 1),
    special("SUM", 1, 1),
    special("MIN", 1, 1),
    special("MAX", 1, 1),
    special("AVG", 1, 1),
    special("COALESCE", 2, 64),
    special("NULLIF", 2, 2),
    special("IIF", 3, 3),
    def("ISNULL", 2, 2, B::IsNull),
    def("ABS", 1, 1, B::Abs),
    def("DATALENGTH", 1, 1, B::DataLength),
    def("LEN", 1, 1, B::Len),
    def("UPPER", 1, 1, B::Upper),
    def("LOWER", 1, 1, B::Lower),
    def("LTRIM", 1, 1, B::Ltrim),
    def("RTRIM", 1, 1, B::Rtrim),
    since("TRIM", 2017, 1, 1, B::Trim),
    def("LEFT", 2, 2, B::Left),
    def("RIGHT", 2, 2, B::Right),
    def("SUBSTRING", 3, 3, B::Substring),
    def("REPLACE", 3, 3, B::Replace),
    def("CHARINDEX", 2, 2, B::CharIndex),
    def("CONCAT", 2, 254, B::Concat),
    def("DATEDIFF", 3, 3, B::DateDiff),
    since("DATEDIFF_BIG", 2016, 3, 3, B::DateDiffBig),
    def("DATEADD", 3, 3, B::DateAdd),
    def("DATEPART", 2, 2, B::DatePart),
    def("GETDATE", 0, 0, B::GetDate),
    def("GETUTCDATE", 0, 0, B::GetUtcDate),
    def("CURRENT_TIMESTAMP", 0, 0, B::GetDate),
    def("SYSDATETIME", 0, 0, B::SysDateTime),
    def("SYSUTCDATETIME", 0, 0, B::SysUtcDateTime),
    def("SYSDATETIMEOFFSET", 0, 0, B::SysDateTimeOffset),
    def("SWITCHOFFSET", 2, 2, B::SwitchOffset),
    def("TODATETIMEOFFSET", 2, 2, B::ToDateTimeOffset),
    def("@@ERROR", 0, 0, B::AtError),
    def("@@TRANCOUNT", 0, 0, B::AtTranCount),
    def("@@ROWCOUNT", 0, 0, B::AtRowCount),
    def("ERROR_NUMBER", 0, 0, B::ErrorNumber),
    def("ERROR_MESSAGE", 0, 0, B::ErrorMessage),
    def("ERROR_SEVERITY", 0, 0, B::ErrorSeverity),
    def("ERROR_STATE", 0, 0, B::ErrorState),
    def("@@VERSION", 0, 0, B::Server(F::Version)),
    def("@@SERVERNAME", 0, 0, B::Server(F::ServerName)),
    def("@@SPID", 0, 0, B::Server(F::Spid)),
    def("SERVERPROPERTY", 1, 1, B::Server(F::ServerProperty)),
    def("CONNECTIONPROPERTY", 1, 1, B::Server(F::ConnectionProperty)),
    def("OBJECT_ID", 1, 2, B::Server(F::ObjectId)),
    def("IDENT_CURRENT", 1, 1, B::Server(F::IdentCurrent)),
    def("DB_ID", 0, 1, B::Server(F::DbId)),
    def("DB_NAME", 0, 1, B::Server(F::DbName)),
    def("HAS_DBACCESS", 1, 1, B::Server(F::HasDbAccess)),
    def("HAS_PERMS_BY_NAME", 3, 5, B::Server(F::HasPermsByName)),
    def("IS_SRVROLEMEMBER", 1, 2, B::Server(F::IsSrvRoleMember)),
    def("IS_MEMBER", 1, 1, B::Server(F::IsMember)),
    def("IS_ROLEMEMBER", 1, 2, B::Server(F::IsRoleMember)),
    def("SUSER_SNAME", 0, 1, B::Server(F::SuserSname)),
    def("SUSER_NAME", 0, 1, B::Server(F::SuserSname)),
    def("ORIGINAL_LOGIN", 0, 0, B::Server(F::SuserSname)),
    def("SUSER_ID", 0, 1, B::Server(F::SuserId)),
    def("USER_NAME", 0, 1, B::Server(F::UserName)),
    def("APP_NAME", 0, 0, B::Server(F::AppName)),
    def("HOST_NAME", 0, 0, B::Server(F::HostName)),
    since("CURRENT_TIMEZONE_ID", 2022, 0, 0, B::Server(F::CurrentTimezoneId)),
];

/// The function of this name, whatever its case.
pub fn function(name: &str) -> Option<&'static FunctionDef> {
    FUNCTIONS.iter().find(|f| f.name.eq_ignore_ascii_case(name))
}
