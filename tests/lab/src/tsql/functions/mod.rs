//! Built-in functions: which there are, since which version, what they take and answer.

mod catalogue;
mod datepart;
pub mod text;
pub mod time;

pub use catalogue::{FUNCTIONS, FunctionDef, function};
pub use datepart::DatePart;

use super::plan::Expr;
use super::types::Ty;
use super::world::ServerFunction;
use crate::wire::Type;

/// A built-in function that is evaluated by its own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Builtin {
    // text
    DataLength,
    Len,
    Upper,
    Lower,
    Ltrim,
    Rtrim,
    Trim,
    Left,
    Right,
    Substring,
    Replace,
    CharIndex,
    Concat,
    // other
    IsNull,
    Abs,
    // time
    DateDiff,
    DateDiffBig,
    DateAdd,
    DatePart,
    GetDate,
    GetUtcDate,
    SysDateTime,
    SysUtcDateTime,
    SysDateTimeOffset,
    SwitchOffset,
    ToDateTimeOffset,
    // the session
    AtError,
    AtTranCount,
    AtRowCount,
    ErrorNumber,
    ErrorMessage,
    ErrorSeverity,
    ErrorState,
    // the server
    Server(ServerFunction),
}

/// What a call takes and answers.
#[derive(Debug)]
pub struct Signature {
    /// Types that the arguments are converted to; a missing one stays as it is.
    pub arguments: Vec<Ty>,
    /// Type of the answer.
    pub ty: Ty,
    /// Whether the answer may be NULL.
    pub nullable: bool,
}

/// The signature of a call with these arguments.
pub fn signature(builtin: Builtin, arguments: &[Expr]) -> Signature {
    use Builtin as B;
    let first = arguments.first().map_or(Ty::Null, |a| a.ty);
    let any = arguments.iter().any(|a| a.nullable);
    let text = |ty: Ty| match ty {
        Ty::Wire(Type::NVarChar(_) | Type::VarChar(_)) => ty,
        _ => Ty::Wire(Type::VarChar(Some(8000))),
    };
    let answer = |ty, nullable| Signature { arguments: Vec::new(), ty, nullable };
    let takes = |arguments, ty, nullable| Signature { arguments, ty, nullable };
    match builtin {
        B::DataLength => answer(if wide(first) { Ty::BIGINT } else { Ty::INT }, any),
        B::Len | B::CharIndex => takes(vec![text(first), text(second(arguments))], Ty::INT, any),
        B::Upper | B::Lower | B::Ltrim | B::Rtrim | B::Trim => takes(vec![text(first)], text(first), any),
        B::Left | B::Right | B::Substring => takes(vec![text(first), Ty::INT, Ty::INT], text(first), true),
        B::Replace => takes(vec![text(first); 3], text(first), any),
        B::Concat => {
            let wide = arguments.iter().any(|a| matches!(a.ty, Ty::Wire(Type::NVarChar(_))));
            let ty = Ty::Wire(if wide { Type::NVarChar(Some(4000)) } else { Type::VarChar(Some(8000)) });
            takes(vec![ty; arguments.len()], ty, false)
        }
        B::IsNull => {
            let ty = if first == Ty::Null { second(arguments) } else { first };
            takes(vec![ty, ty], ty, arguments.iter().all(|a| a.nullable))
        }
        B::Abs => answer(first, any),
        B::DateDiff => takes(arguments.iter().map(|a| dated(a.ty)).collect(), Ty::INT, true),
        B::DateDiffBig => takes(arguments.iter().map(|a| dated(a.ty)).collect(), Ty::BIGINT, true),
        B::DatePart => takes(vec![dated(first)], Ty::INT, any),
        B::DateAdd => {
            let ty = match second(arguments) {
                ty if ty.is_date() => ty,
                _ => Ty::Wire(Type::DateTime),
            };
            takes(vec![Ty::INT, ty], ty, true)
        }
        B::GetDate | B::GetUtcDate => answer(Ty::Wire(Type::DateTime), false),
        B::SysDateTime | B::SysUtcDateTime => answer(Ty::Wire(Type::DateTime2(7)), false),
        B::SysDateTimeOffset => answer(Ty::Wire(Type::DateTimeOffset(7)), false),
        B::SwitchOffset => takes(vec![Ty::Wire(Type::DateTimeOffset(7))], Ty::Wire(Type::DateTimeOffset(7)), true),
        B::ToDateTimeOffset => takes(vec![Ty::Wire(Type::DateTime2(7))], Ty::Wire(Type::DateTimeOffset(7)), true),
        B::AtError | B::AtTranCount | B::AtRowCount => answer(Ty::INT, false),
        B::ErrorNumber | B::ErrorSeverity | B::ErrorState => answer(Ty::INT, true),
        B::ErrorMessage => answer(Ty::Wire(Type::NVarChar(Some(4000))), true),
        B::Server(function) => answer(server(function), true),
    }
}

fn server(function: ServerFunction) -> Ty {
    use ServerFunction as F;
    match function {
        F::ServerProperty | F::ConnectionProperty => Ty::Variant,
        F::ObjectId
        | F::HasDbAccess
        | F::HasPermsByName
        | F::IsSrvRoleMember
        | F::IsMember
        | F::IsRoleMember
        | F::SuserId => Ty::INT,
        F::IdentCurrent => Ty::Wire(Type::Decimal { precision: 38, scale: 0 }),
        F::DbId | F::Spid => Ty::Wire(Type::SmallInt),
        F::Version => Ty::Wire(Type::NVarChar(Some(300))),
        F::CurrentTimezoneId => Ty::Wire(Type::VarChar(Some(50))),
        F::DbName | F::SuserSname | F::UserName | F::AppName | F::HostName | F::ServerName => Ty::SYSNAME,
    }
}

fn second(arguments: &[Expr]) -> Ty {
    arguments.get(1).map_or(Ty::Null, |a| a.ty)
}

fn dated(ty: Ty) -> Ty {
    match ty {
        Ty::Wire(Type::VarChar(_) | Type::NVarChar(_)) => Ty::Wire(Type::DateTime2(7)),
        ty if ty.is_date() => ty,
        _ => Ty::Wire(Type::DateTime),
    }
}

fn wide(ty: Ty) -> bool {
    matches!(ty, Ty::Wire(Type::NVarChar(None) | Type::VarChar(None) | Type::VarBinary(None)))
}
