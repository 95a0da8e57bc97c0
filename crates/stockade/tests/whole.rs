//! What the server and the program do, seen from outside: one executable, so that the server is linked once.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::similar_names,
    reason = "tests run programs, look at files, say what they skip; a missing field fails them"
)]

mod addresses;
mod admin;
mod advisories;
mod answers;
mod asked;
mod asking;
mod authenticator;
mod backups;
mod bodies;
mod browser;
mod bucket;
mod db_commands;
mod disclosure;
mod doctor_commands;
mod doors;
mod ending;
mod error_reports;
mod examples;
mod exports;
mod factor_commands;
mod factors;
mod fairness;
mod floods;
mod flow;
mod forged;
mod front;
mod house;
mod http;
mod introductions;
mod isolation;
mod issuing;
mod keeping;
mod keys_commands;
mod keys_holder;
mod leaks;
mod licences;
mod license_commands;
mod limits;
mod links;
mod live_session;
mod load;
mod losses;
mod lying;
mod machines;
mod mail;
mod mail_commands;
mod names;
mod operations;
mod origins;
mod own_account;
mod panics;
mod passkeys;
mod past;
mod payments;
mod peers;
mod people;
mod petitions;
mod postman;
mod process;
mod proxies;
mod pulling;
mod quotas;
mod reconciling;
mod release_commands;
mod retention_commands;
mod reviews;
mod roles;
mod routes;
mod secrets_commands;
mod security;
#[path = "../../store/tests/places/server.rs"]
mod server_of_tests;
#[path = "../../kms/tests/service/mod.rs"]
mod service;
#[path = "../../kms/tests/softhsm/mod.rs"]
mod softhsm;
mod step_up;
mod sweep_commands;
mod sweeps;
mod things;
mod ticks;
mod timing;
mod upgrading;
mod upkeep;
mod user_commands;
mod vendor_keys;
mod verify;
mod witnesses;
