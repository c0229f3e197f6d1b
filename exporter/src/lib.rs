//! Prometheus exporter for SQL Server Agent's multiserver administration.
//!
//! Data flows one way:
//!
//! ```text
//! scrape ─► master (read) ─► Reading ─┐
//!                                     ├─► fleet (assess) ─► Fleet ─► render ─► page
//! sweep  ─► ports  (probe) ─► Board ──┘
//! ```
//!
//! - `cli` and `logging`: what was typed; log lines.
//! - `config`: what was written, and what it means.
//! - `master`: asks SQL Server and answers plain rows in UTC. Nobody else sees a type of the driver.
//! - `ports`: asks the network and answers one finding for each target and check.
//! - `far`: with `role: target`, what a target knows of its master: its registry, the master's certificate.
//! - `fleet`: what is true of each target now, and why. No clock, no I/O.
//! - `render`: turns a [`fleet::Fleet`] into text. No clock, no I/O.
//! - `doctor`: the firewall request, both ways, and what else enlisting needs.
//! - `process`: asks the operating system about this process.
//! - `serve`: speaks HTTP.
//! - `service`: signals and, on Windows, the service: what the service control manager starts, and how it is installed.
//! - `events`: the numbers of what a person on duty wants to know.
//! - `app` and `commands`: where the rooms meet, and what each command does with them.

pub mod app;
pub mod cli;
pub mod commands;
pub mod config;
#[cfg(test)]
mod derived;
pub mod doctor;
pub mod events;
pub mod far;
pub mod fleet;
pub mod logging;
pub mod master;
pub mod ports;
pub mod process;
pub mod render;
pub mod serve;
pub mod service;
