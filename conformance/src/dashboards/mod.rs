//! Grafana's dashboards, from a compact description.
//!
//! A dashboard's JSON is long and says little: what there is to decide is which question each panel
//! asks, in what unit, under which name. That is written here, and `cargo xtask dashboards` makes the
//! files of it. A test has every query of them answered by a real Prometheus.

mod authz;
mod fleet;
mod json;
mod locality;
mod overview;
mod shaping;

pub use json::json;

/// In a query, what a dashboard narrows its panels to.
const SCOPE: &str = r#"mesh_cluster=~"$mesh_cluster",namespace=~"$namespace""#;

/// One dashboard.
#[derive(Debug)]
pub struct Dashboard {
    /// What it is known by, and the name of its file.
    pub uid: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it answers.
    pub about: &'static str,
    /// Its panels, under headings.
    pub rows: Vec<(&'static str, Vec<Panel>)>,
}

/// One panel.
#[derive(Debug)]
pub struct Panel {
    /// Its title.
    pub title: &'static str,
    /// What it tells, and what to think of it.
    pub about: &'static str,
    /// How it looks.
    pub look: Look,
    /// Its unit, as Grafana calls it.
    pub unit: &'static str,
    /// What is asked, and what each answer is called. `@` stands for [`SCOPE`].
    pub queries: Vec<(&'static str, &'static str)>,
}

/// How a panel looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Look {
    /// One number, a quarter of a row, that turns red from a value on.
    Number(f64),
    /// Lines over time, half a row.
    Lines,
    /// Lines over time that add up, half a row.
    Stack,
    /// States over time, a whole row: 0 is out, 1 held, 2 up.
    States,
    /// Rows and columns of what is now, a whole row.
    Table,
}

/// All of them.
pub fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        authz::dashboard(),
        locality::dashboard(),
        shaping::dashboard(),
        fleet::dashboard(),
    ]
}

impl Dashboard {
    /// Every panel.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|(_, panels)| panels)
    }
}

impl Panel {
    /// Its queries as Grafana sends them, but for Grafana's variables.
    pub fn asked(&self) -> impl Iterator<Item = String> {
        self.queries
            .iter()
            .map(|(query, _)| query.replace('@', SCOPE))
    }
}

fn panel(
    title: &'static str,
    about: &'static str,
    look: Look,
    unit: &'static str,
    queries: &[(&'static str, &'static str)],
) -> Panel {
    Panel {
        title,
        about,
        look,
        unit,
        queries: queries.to_vec(),
    }
}
