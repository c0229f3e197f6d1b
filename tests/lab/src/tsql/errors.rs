//! SQL Server's own error numbers and texts (`sys.messages`, language 1033), and what each of them ends.

use crate::wire::ServerError;

/// What an error ends, besides the statement that raised it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Only the statement; the next one of the batch runs.
    Statement,
    /// The batch.
    Batch,
    /// The batch and the connection.
    Connection,
}

/// What this error ends when it is raised while a statement runs.
///
/// Compile errors end the batch, 208 too, which a deferred statement raises when its turn comes; a deadlock victim (1205)
/// loses its batch; severity 20 and more loses the connection. The rest ends the statement (Transact-SQL reference,
/// "Database Engine error severities"). Failed conversions are taken as ending the statement, although some of them
/// end the batch on a real server: a reader must not depend on either.
pub fn ends(error: &ServerError) -> Ends {
    match error.number {
        _ if error.class >= 20 => Ends::Connection,
        102 | 155 | 156 | 174 | 195 | 206..=209 | 243 | 448 | 468 | 911 | 916 | 1205 | 3952 | 4104 | 8120 => {
            Ends::Batch
        }
        _ => Ends::Statement,
    }
}

/// 102
pub fn syntax(near: &str) -> ServerError {
    ServerError::new(102, 15, format!("Incorrect syntax near '{near}'."))
}

/// Anything that this evaluator does not know. It is never answered with rows.
pub fn unsupported(what: &str) -> ServerError {
    ServerError::new(102, 15, format!("Incorrect syntax: the stand-in master does not support {what}."))
}

/// 195
pub fn unknown_function(name: &str) -> ServerError {
    ServerError {
        state: 10,
        ..ServerError::new(195, 15, format!("'{name}' is not a recognized built-in function name."))
    }
}

/// 174
pub fn argument_count(name: &str, wanted: usize) -> ServerError {
    ServerError::new(174, 15, format!("The {} function requires {wanted} argument(s).", name.to_lowercase()))
}

/// 155
pub fn unknown_datepart(part: &str, function: &str) -> ServerError {
    let function = function.to_lowercase();
    ServerError::new(155, 15, format!("'{part}' is not a recognized {function} option."))
}

/// 207
pub fn unknown_column(name: &str) -> ServerError {
    ServerError::new(207, 16, format!("Invalid column name '{name}'."))
}

/// 208
pub fn unknown_object(name: &str) -> ServerError {
    ServerError::new(208, 16, format!("Invalid object name '{name}'."))
}

/// 209
pub fn ambiguous_column(name: &str) -> ServerError {
    ServerError::new(209, 16, format!("Ambiguous column name '{name}'."))
}

/// 4104
pub fn unbound(name: &str) -> ServerError {
    ServerError::new(4104, 16, format!("The multi-part identifier \"{name}\" could not be bound."))
}

/// 8120
pub fn not_grouped(name: &str) -> ServerError {
    ServerError::new(
        8120,
        16,
        format!(
            "Column '{name}' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause."
        ),
    )
}

/// 147
pub fn aggregate_here() -> ServerError {
    ServerError::new(
        147,
        15,
        "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.",
    )
}

/// 8117
pub fn invalid_operand(ty: &str, operator: &str) -> ServerError {
    ServerError::new(8117, 16, format!("Operand data type {ty} is invalid for {operator} operator."))
}

/// 243
pub fn unknown_type(name: &str) -> ServerError {
    ServerError::new(243, 16, format!("Type {name} is not a defined system type."))
}

/// 131
pub fn too_long(length: u64, most: u16) -> ServerError {
    ServerError::new(
        131,
        15,
        format!("The size ({length}) given to the type exceeds the maximum allowed for any data type ({most})."),
    )
}

/// 448
pub fn unknown_collation(name: &str) -> ServerError {
    ServerError::new(448, 16, format!("Invalid collation '{name}'."))
}

/// 468
pub fn collation_conflict() -> ServerError {
    ServerError { state: 9, ..ServerError::new(468, 16, "Cannot resolve the collation conflict in the comparison.") }
}

/// 8134
pub fn division_by_zero() -> ServerError {
    ServerError::new(8134, 16, "Divide by zero error encountered.")
}

/// 8115
pub fn overflow(ty: &str) -> ServerError {
    ServerError {
        state: 2,
        ..ServerError::new(8115, 16, format!("Arithmetic overflow error converting expression to data type {ty}."))
    }
}

/// 245
pub fn conversion_of_text(from: &str, value: &str, to: &str) -> ServerError {
    ServerError::new(
        245,
        16,
        format!("Conversion failed when converting the {from} value '{value}' to data type {to}."),
    )
}

/// 241
pub fn conversion_of_date() -> ServerError {
    ServerError::new(241, 16, "Conversion failed when converting date and/or time from character string.")
}

/// 242
pub fn date_out_of_range(from: &str) -> ServerError {
    ServerError::new(
        242,
        16,
        format!("The conversion of a {from} data type to a datetime data type resulted in an out-of-range value."),
    )
}

/// 8169
pub fn conversion_of_guid() -> ServerError {
    ServerError {
        state: 2,
        ..ServerError::new(8169, 16, "Conversion failed when converting from a character string to uniqueidentifier.")
    }
}

/// 529
pub fn explicit_conversion(from: &str, to: &str) -> ServerError {
    ServerError::new(529, 16, format!("Explicit conversion from data type {from} to {to} is not allowed."))
}

/// 206
pub fn type_clash(from: &str, to: &str) -> ServerError {
    ServerError {
        state: 2,
        ..ServerError::new(206, 16, format!("Operand type clash: {from} is incompatible with {to}"))
    }
}

/// 535
pub fn datediff_overflow(function: &str) -> ServerError {
    ServerError {
        state: 0,
        ..ServerError::new(
            535,
            16,
            format!(
                "The {function} function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use {function} with a less precise datepart."
            ),
        )
    }
}

/// 517
pub fn dateadd_overflow() -> ServerError {
    ServerError::new(517, 16, "Adding a value to a 'datetime' column caused an overflow.")
}

/// 512
pub fn many_rows() -> ServerError {
    ServerError::new(
        512,
        16,
        "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.",
    )
}

/// 116
pub fn many_columns() -> ServerError {
    ServerError::new(
        116,
        16,
        "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
    )
}

/// 205
pub fn union_width() -> ServerError {
    ServerError::new(
        205,
        16,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
    )
}

/// 8155
pub fn unnamed_column(position: usize, source: &str) -> ServerError {
    ServerError {
        state: 2,
        ..ServerError::new(8155, 16, format!("No column name was specified for column {position} of '{source}'."))
    }
}

/// 1222
pub fn lock_timeout() -> ServerError {
    ServerError { state: 51, ..ServerError::new(1222, 16, "Lock request time out period exceeded.") }
}

/// 3902
pub fn commit_without_begin() -> ServerError {
    ServerError::new(3902, 16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
}

/// 3903
pub fn rollback_without_begin() -> ServerError {
    ServerError::new(3903, 16, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
}

/// 911
pub fn unknown_database(name: &str) -> ServerError {
    ServerError::new(
        911,
        16,
        format!("Database '{name}' does not exist. Make sure that the name is entered correctly."),
    )
}

/// 3952
pub fn snapshot_not_allowed(database: &str) -> ServerError {
    ServerError::new(
        3952,
        16,
        format!(
            "Snapshot isolation transaction failed accessing database '{database}' because snapshot isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation."
        ),
    )
}
