//! Prometheus exporter for SQL Server Agent's multiserver administration.
//!
//! Data flows one way:
//!
//! ```text
//! scrape ─► collectors (read) ─► Reading ─┐
//!                                         ├─► diagnosis (assess) ─► Fleet ─► metrics, pages, api
//! sweep  ─► probe (check ports) ─► PortResults ─┘
//! ```
//!
//! - `model`: the vocabulary of all rooms.
//! - `cli` and `logging`: what was typed; log lines.
//! - `config`: what was written, and what it means.
//! - `sqlserver`: a connection to SQL Server and what one batch answers. No other room sees a type of the driver.
//! - `collectors`: what is read of the master, one file for each collector; answers plain rows in UTC.
//! - `probe`: asks the network and answers one finding for each target and check.
//! - `target_side`: with `role: target`, what a target knows of its master: its registry, the master's certificate.
//! - `target_pages`: what targets write about themselves, read from files.
//! - `diagnosis`: what is true of each target now, and why. No clock, no I/O.
//! - `exposition`: the catalogue of metrics, and how they are written.
//! - `metrics`, `pages`, `api`: turn a [`diagnosis::Fleet`] into metrics, HTML and JSON. No clock, no I/O.
//! - `doctor`: the firewall request, both ways, and what else enlisting needs.
//! - `process`: asks the operating system about this process.
//! - `http`: routes, limits, TLS and authentication.
//! - `windows_service`: the service that the service control manager starts, and how it is installed.
//! - `exit` and `signal`: how a command ends; what the system asks of the process.
//! - `events`: the numbers of the events that an administrator wants to know.
//! - `app` and `commands`: where the rooms meet, and what each command does with them.

pub mod api;
pub mod app;
pub mod cli;
pub mod collectors;
pub mod commands;
pub mod config;
#[cfg(test)]
mod derived;
pub mod diagnosis;
pub mod doctor;
pub mod events;
pub mod exit;
pub mod exposition;
mod files;
#[cfg(test)]
mod fixtures;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod pages;
pub mod probe;
pub mod process;
pub mod signal;
pub mod sqlserver;
pub mod target_pages;
pub mod target_side;
pub mod windows_service;
