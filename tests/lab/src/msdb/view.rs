//! The master as one login sees it while one batch runs.

use super::master::Master;
use super::rights::Rights;
use super::schema::{self, Home, Needs, TableDef};
use crate::tsql::collation::Collation;
use crate::tsql::parse::Isolation;
use crate::tsql::world::{Mishap, Now, Row, ServerFunction, Shape, World};
use crate::wire::{Login, ServerError, Value};
use std::sync::Arc;

pub(crate) struct View<'a> {
    pub(crate) master: &'a Master,
    pub(crate) login: &'a Login,
    pub(crate) rights: &'a Rights,
    pub(crate) now: Now,
}

impl View<'_> {
    /// The table behind the parts of a name, and the name of its database.
    ///
    /// # Errors
    /// 916 where the login may not enter the database.
    pub(crate) fn table(
        &self,
        database: Option<&str>,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<(&'static TableDef, String)>, ServerError> {
        let database = database.unwrap_or("master");
        let msdb = self.master.msdb.as_deref().filter(|msdb| msdb.eq_ignore_ascii_case(database));
        if msdb.is_none() && !["master", "tempdb"].iter().any(|known| known.eq_ignore_ascii_case(database)) {
            return Ok(None);
        }
        if msdb.is_some() && !self.enters_msdb() {
            return Err(ServerError::new(
                916,
                14,
                format!(
                    "The server principal \"{}\" is not able to access the database \"{database}\" under the current security context.",
                    self.login.user
                ),
            ));
        }
        let found = schema::table(schema.unwrap_or("dbo"), name)
            .filter(|def| def.since <= self.master.version && !self.master.missing.contains(def.name))
            .filter(|def| def.home != Home::Msdb || msdb.is_some());
        Ok(found.map(|def| (def, msdb.unwrap_or("master").to_owned())))
    }

    pub(crate) fn enters_msdb(&self) -> bool {
        self.rights.sysadmin || self.rights.msdb
    }
}

impl World for View<'_> {
    fn version(&self) -> u16 {
        self.master.version
    }

    fn collation(&self) -> Collation {
        self.master.collation
    }

    fn now(&self) -> Now {
        self.now
    }

    fn find(
        &self,
        database: Option<&str>,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<Shape>>, ServerError> {
        let found = self.table(database, schema, name)?;
        Ok(found.map(|(def, database)| {
            Arc::new(Shape {
                database,
                schema: def.schema().to_owned(),
                name: def.name.to_owned(),
                columns: def.columns_in(self.master.version),
            })
        }))
    }

    fn may_select(&self, shape: &Shape, columns: &[usize]) -> Result<(), Vec<ServerError>> {
        let Some(def) = schema::table(&shape.schema, &shape.name) else { return Ok(()) };
        let halves = self.master.version >= 2022;
        let permission = match def.needs {
            Needs::Nothing | Needs::Definition => return Ok(()),
            Needs::Select => return self.may_select_columns(shape, columns).map_err(|e| vec![e]),
            Needs::Performance if halves => "VIEW SERVER PERFORMANCE STATE",
            Needs::Security if halves => "VIEW SERVER SECURITY STATE",
            Needs::Performance | Needs::Security => "VIEW SERVER STATE",
        };
        if self.rights.holds(permission, self.master.version) {
            return Ok(());
        }
        Err(vec![
            ServerError::new(
                300,
                14,
                format!("{permission} permission was denied on object 'server', database 'master'."),
            ),
            ServerError::new(297, 16, "The user does not have permission to perform this action."),
        ])
    }

    fn snapshot_allowed(&self, database: &str) -> bool {
        self.master.snapshot || database.eq_ignore_ascii_case("master")
    }

    fn rows(&self, shape: &Shape) -> Arc<Vec<Row>> {
        match schema::table(&shape.schema, &shape.name) {
            Some(def) => self.master.rows_of(def, &shape.database, self.login, self.now),
            None => Arc::default(),
        }
    }

    fn mishaps(&self, shape: &Shape, _isolation: Isolation) -> Vec<Mishap> {
        let mut struck = Vec::new();
        super::locked(&self.master.faults).retain_mut(|fault| {
            let reads = fault.table == shape.name;
            if reads {
                struck.push(fault.mishap.clone());
                if let Some(times) = &mut fault.times {
                    *times = times.saturating_sub(1);
                }
            }
            fault.times != Some(0)
        });
        struck
    }

    fn call(&self, function: ServerFunction, arguments: &[Value]) -> Result<Value, ServerError> {
        Ok(self.property(function, arguments))
    }
}

impl View<'_> {
    fn may_select_columns(&self, shape: &Shape, columns: &[usize]) -> Result<(), ServerError> {
        let (table, database, schema) = (&shape.name, &shape.database, &shape.schema);
        if self.rights.object(table) {
            return Ok(());
        }
        if !self.rights.sees(table) {
            let text = format!(
                "The SELECT permission was denied on the object '{table}', database '{database}', schema '{schema}'."
            );
            return Err(ServerError { state: 5, ..ServerError::new(229, 14, text) });
        }
        let denied =
            columns.iter().filter_map(|at| shape.columns.get(*at)).find(|c| !self.rights.column(table, &c.name));
        match denied {
            None => Ok(()),
            Some(column) => {
                let text = format!(
                    "The SELECT permission was denied on the column '{}' of the object '{table}', database '{database}', schema '{schema}'.",
                    column.name
                );
                Err(ServerError::new(230, 14, text))
            }
        }
    }
}
