//! Requests that would rather not have the data class that they have.

use crate::judge::End::{Cut, Refused, Sent};
use crate::judge::{Echo, Wanted, by_design, lenient, per, refused, sent};
use crate::request::Request;
use crate::scene::{Case, Scene, allow, case, deny};

/// A path, header lines, what comes of them where the class is denied, and what where only
/// requests of the class `open` are allowed.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    Wanted,
    Wanted,
);

const NO: Wanted = refused(403);
const BAD: Wanted = refused(400);
const OK: Wanted = sent("/");
const LENIENT: Wanted = by_design("/");

const ROWS: &[Row] = &[
    ("the class", "/", &[("x-data-class", "customer")], NO, NO),
    ("another class", "/", &[("x-data-class", "open")], OK, OK),
    ("no class", "/", &[], OK, NO),
    ("an empty value", "/", &[("x-data-class", "")], OK, NO),
    (
        "the name in another case",
        "/",
        &[("X-Data-Class", "customer")],
        NO,
        NO,
    ),
    (
        "case of the value",
        "/",
        &[("x-data-class", "Customer")],
        LENIENT,
        NO,
    ),
    (
        "case of the other value",
        "/",
        &[("x-data-class", "OPEN")],
        OK,
        NO,
    ),
    (
        "a duplicate behind",
        "/",
        &[("x-data-class", "open"), ("x-data-class", "customer")],
        BAD,
        BAD,
    ),
    (
        "a duplicate in front",
        "/",
        &[("x-data-class", "customer"), ("x-data-class", "open")],
        BAD,
        BAD,
    ),
    (
        "a duplicate that is empty",
        "/",
        &[("x-data-class", "customer"), ("x-data-class", "")],
        BAD,
        BAD,
    ),
    (
        "an underscore for the dash",
        "/",
        &[("x_data_class", "customer")],
        BAD,
        BAD,
    ),
    (
        "for one of the dashes",
        "/",
        &[("x-data_class", "customer")],
        BAD,
        BAD,
    ),
    (
        "an underscore beside the dash",
        "/",
        &[("x-data-class", "open"), ("x_data_class", "customer")],
        BAD,
        BAD,
    ),
    (
        "values joined by a comma",
        "/",
        &[("x-data-class", "open, customer")],
        LENIENT,
        NO,
    ),
    (
        "a parameter",
        "/",
        &[("x-data-class", "customer;q=1")],
        LENIENT,
        NO,
    ),
    (
        "quotes",
        "/",
        &[("x-data-class", "\"customer\"")],
        LENIENT,
        NO,
    ),
    (
        "a space behind",
        "/",
        &[("x-data-class", "customer ")],
        per(Refused(403), Refused(400)),
        per(Refused(403), Refused(400)),
    ),
    (
        "`connection` that names the header, which Envoy drops",
        "/",
        &[
            ("connection", "close, x-data-class"),
            ("x-data-class", "customer"),
        ],
        per(Sent("/"), Cut),
        per(Refused(403), Cut),
    ),
    ("a class by path", "/customers/1", &[], NO, NO),
    (
        "a header does not take away the class of the path",
        "/customers/1",
        &[("x-data-class", "open")],
        NO,
        refused(403),
    ),
    ("repeated slashes", "//customers//1", &[], NO, NO),
    ("dot segments", "/x/../customers/1", &[], NO, NO),
    ("an escape", "/%63ustomers/1", &[], NO, NO),
    ("an escaped slash", "/customers%2F1", &[], BAD, BAD),
    (
        "case of the path",
        "/Customers/1",
        &[],
        by_design("/Customers/1"),
        NO,
    ),
    (
        "`;` parameters on a segment of the path",
        "/customers;x/1",
        &[],
        by_design("/customers;x/1"),
        NO,
    ),
];

fn cases(outcome: impl Fn(&Row) -> Wanted) -> Vec<Case> {
    let request = |row: &Row| {
        let fields = row.2.iter();
        fields.fold(Request::get(row.1), |request, (name, value)| {
            request.with(name, value)
        })
    };
    ROWS.iter()
        .map(|row| case(row.0, request(row), outcome(row)))
        .collect()
}

/// The classes that a lenient upstream finds.
fn classes(echo: &Echo) -> Vec<String> {
    ["x-data-class", "x_data_class", "x-data_class"]
        .into_iter()
        .flat_map(|name| echo.values(name).collect::<Vec<_>>())
        .flat_map(|value| value.split(','))
        .map(|value| value.split(';').next().unwrap_or(""))
        .map(|value| value.trim().trim_matches('"').to_ascii_lowercase())
        .collect()
}

fn is_customer(echo: &Echo) -> bool {
    let by_path = lenient(echo.path()).starts_with("/customers/");
    by_path || classes(echo).iter().any(|class| class == "customer")
}

fn is_not_open(echo: &Echo) -> bool {
    is_customer(echo) || classes(echo) != ["open"]
}

const CLASSES: &str = "  dataClasses:
  - name: customer
    requests:
    - paths: [/customers/*]
    - when: [{key: 'request.headers[x-data-class]', values: [customer]}]
  - name: open
    requests:
    - when: [{key: 'request.headers[x-data-class]', values: [open]}]
";

#[tokio::test]
async fn a_data_class_is_not_taken_off() {
    let mut scene = Scene::new("bypass-classes").await;
    let (mesh, _) = scene.document.split_once("  dataClasses:").unwrap();
    scene.document = format!("{mesh}{CLASSES}");
    let denies = deny("{to: [{operation: {dataClasses: [customer]}}]}");
    scene
        .try_all(&denies, &cases(|row| row.3), is_customer)
        .await;
    let allows = allow("{to: [{operation: {dataClasses: [open], notDataClasses: [customer]}}]}");
    scene
        .try_all(&allows, &cases(|row| row.4), is_not_open)
        .await;
    // What is behind the head gives no class.
    let request = Request::new("POST", "/").with("x-data-class", "open");
    let mut stream = request.http2();
    stream.body = b"x"[..].into();
    stream.trailers = vec![crate::request::pair(b"x-data-class", b"customer")];
    scene
        .try_http2("a class in a trailer", &stream, Sent("/"), is_customer)
        .await;
    scene.end().await;
}
