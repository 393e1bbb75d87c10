//! Who a gateway says it speaks for, read of headers that it and its clients may have written.

use landbridge_engine::{Client, MalformedXfcc, elements, forwarded_by};

const GATEWAY: &str = "spiffe://mesh.example/ns/istio-system/sa/gateway";
/// What the gateway's Envoy writes in front of what it says of its client.
const BY_GATEWAY: &str = "By=spiffe://mesh.example/ns/istio-system/sa/gateway;Hash=0a;";
/// What the sidecar that we run in appends about the gateway.
const OURS: &str = "By=spiffe://a/ns/shop/sa/orders;Hash=0b;Subject=\"\";URI=spiffe://mesh.example/ns/istio-system/sa/gateway";

/// A client whose certificate has no URI.
const UNNAMED: Option<&str> = Some("");

/// Asks of a value in which `GATEWAY`, `GW;` and `OURS` stand for the constants.
fn asked(value: &str) -> Result<Option<String>, MalformedXfcc> {
    let value = value.replace("OURS", OURS).replace("GW;", BY_GATEWAY);
    let value = value.replace("GATEWAY", GATEWAY);
    forwarded_by(&value, GATEWAY).map(|client| match client {
        Client::Nobody => None,
        Client::Unnamed => UNNAMED.map(str::to_owned),
        Client::Named(uri) => Some(uri.into_owned()),
    })
}

#[test]
fn who_the_gateway_vouches_for() {
    let cases = [
        ("no header says nothing", "", None),
        ("one element", "GW;URI=spiffe://b/x", Some("spiffe://b/x")),
        (
            "with ours behind it",
            "GW;URI=spiffe://b/x,OURS",
            Some("spiffe://b/x"),
        ),
        (
            "a gateway whose certificate for clients has no URI",
            "Hash=0a;URI=spiffe://b/x",
            Some("spiffe://b/x"),
        ),
        ("a client without a certificate, and ours", "OURS", None),
        (
            "a client whose certificate has no URI",
            "GW;Subject=\"CN=x\";URI=",
            UNNAMED,
        ),
        ("and ours", "GW;Subject=\"CN=x\";URI=,OURS", UNNAMED),
        ("no URI is asked for", "GW;Subject=\"CN=x\",OURS", UNNAMED),
        (
            "in front of it one with a URI",
            "By=spiffe://b/y;URI=spiffe://a/x,GW;URI=",
            UNNAMED,
        ),
        (
            "a gateway's own gateway is its client",
            "GW;URI=GATEWAY",
            Some(GATEWAY),
        ),
        (
            "and is not taken for ours",
            "GW;URI=GATEWAY,OURS",
            Some(GATEWAY),
        ),
        (
            "what the client sent is in front",
            "By=spiffe://b/y;URI=spiffe://a/x,GW;URI=spiffe://b/x,OURS",
            Some("spiffe://b/x"),
        ),
        (
            "two names of one gateway",
            "By=spiffe://b/y;By=GATEWAY;URI=spiffe://b/x",
            Some("spiffe://b/x"),
        ),
        (
            "keys have no case",
            "by=spiffe://b/y;hAsH=0a;uri=spiffe://b/x",
            Some("spiffe://b/x"),
        ),
        ("values do", "GW;URI=spiffe://B/X", Some("spiffe://B/X")),
        (
            "every key of Envoy's",
            "GW;Cert=\"%2D\";Chain=\"%2D\";Subject=\"CN=x\";URI=spiffe://b/x;DNS=x.example;DNS=y.example",
            Some("spiffe://b/x"),
        ),
        (
            "a key to come",
            "GW;Serial-Number=1;URI=spiffe://b/x",
            Some("spiffe://b/x"),
        ),
        (
            "a quoted URI",
            "GW;URI=\"spiffe://b/x\"",
            Some("spiffe://b/x"),
        ),
        (
            "a comma in quotes ends nothing",
            "GW;URI=\"spiffe://a,b\"",
            Some("spiffe://a,b"),
        ),
        (
            "nor does a semicolon",
            "GW;Subject=\"CN=x;URI=spiffe://a/y\";URI=spiffe://b/x",
            Some("spiffe://b/x"),
        ),
        (
            "nor a comma behind an escaped quote",
            r#"GW;Subject="O=\",URI=spiffe://a/y";URI=spiffe://b/x"#,
            Some("spiffe://b/x"),
        ),
        (
            "a quote behind an escaped backslash does",
            r#"GW;Subject="CN=\\";URI=spiffe://b/x"#,
            Some("spiffe://b/x"),
        ),
        (
            "an escaped quote is a quote",
            r#"GW;URI="spiffe://b/\"x\"""#,
            Some("spiffe://b/\"x\""),
        ),
        (
            "other escapes are text",
            r#"GW;URI="spiffe://b/\\\,x""#,
            Some(r"spiffe://b/\\\,x"),
        ),
        (
            "outside quotes all are",
            r"GW;URI=spiffe://b/\x",
            Some(r"spiffe://b/\x"),
        ),
        (
            "an equals sign in a value",
            "GW;URI=spiffe://b/x=y",
            Some("spiffe://b/x=y"),
        ),
        (
            "blanks where headers were joined",
            "By=spiffe://b/y;URI=spiffe://a/x \t, GW;URI=spiffe://b/x\t",
            Some("spiffe://b/x"),
        ),
        (
            "other letters, in a subject",
            "GW;Subject=\"CN=Zo\u{eb}\";URI=spiffe://b/x",
            Some("spiffe://b/x"),
        ),
    ];
    for (why, value, uri) in cases {
        assert_eq!(asked(value), Ok(uri.map(str::to_owned)), "{why}: {value}");
    }
}

#[test]
fn what_is_refused() {
    use MalformedXfcc::{Ambiguous, Control, Empty, Key, NotAPair, Quote, SeveralUris};
    let cases = [
        (
            "a certificate with two URIs is nobody's",
            "GW;URI=spiffe://b/x;URI=spiffe://a/x",
            SeveralUris,
        ),
        (
            "one that is empty counts",
            "GW;URI=;URI=spiffe://a/x",
            SeveralUris,
        ),
        (
            "a gateway with two is not set aside",
            "GW;URI=spiffe://b/x,By=spiffe://a/y;URI=GATEWAY;URI=spiffe://a/x",
            Ambiguous,
        ),
        (
            "a comma in a URI that Envoy did not quote",
            "GW;URI=spiffe://b/x,URI=spiffe://a/y",
            Ambiguous,
        ),
        (
            "as if by the gateway",
            "GW;URI=spiffe://b/x,GW;URI=spiffe://a/y",
            Ambiguous,
        ),
        (
            "and as if ours were behind it",
            "GW;URI=spiffe://b/x,GW;URI=spiffe://a/y,OURS",
            Ambiguous,
        ),
        (
            "before a second of ours",
            "GW;URI=spiffe://b/x,OURS,OURS",
            Ambiguous,
        ),
        (
            "of a gateway that has no name for clients",
            "Hash=0a;URI=spiffe://b/x,GW;URI=spiffe://a/y",
            Ambiguous,
        ),
        (
            "to which the URI gives one",
            "Hash=0a;URI=spiffe://b/x;By=spiffe://b/z,GW;URI=spiffe://a/y",
            Key,
        ),
        (
            "a semicolon in a URI that Envoy did not quote",
            "GW;URI=spiffe://b/x;URI=spiffe://a/y",
            SeveralUris,
        ),
        (
            "what the client sent, alone, behind what is another's",
            "By=spiffe://b/y;URI=spiffe://a/x,By=spiffe://b/z;URI=spiffe://a/y",
            Ambiguous,
        ),
        (
            "an open quote would swallow what comes next",
            "By=\"x,GW;URI=spiffe://b/x",
            Quote,
        ),
        (
            "one that the gateway's subject closes",
            "X=\"x,GW;Subject=\"CN=x\";URI=spiffe://b/x",
            Quote,
        ),
        (
            "even an empty one",
            "X=\"x,GW;Subject=\"\";URI=spiffe://b/x",
            Quote,
        ),
        (
            "a quote that is escaped closes nothing",
            r#"GW;URI="spiffe://b/x\""#,
            Quote,
        ),
        ("a backslash at the end", r#"GW;URI="\"#, Quote),
        ("a quote inside a value", "GW;URI=spiffe://b/\"x\"", Quote),
        ("text behind a quote", "GW;URI=\"spiffe://b/x\"y", Quote),
        (
            "a blank and text behind a quote",
            "GW;URI=\"spiffe://b/x\" ;DNS=x",
            Quote,
        ),
        ("a separator behind the last", "GW;URI=spiffe://b/x,", Empty),
        ("or behind the last pair", "GW;URI=spiffe://b/x;", Empty),
        ("or before the first", ",GW;URI=spiffe://b/x", Empty),
        (
            "an element of nothing",
            "By=x;URI=spiffe://a/y,,GW;URI=spiffe://b/x",
            Empty,
        ),
        (
            "or of blanks",
            "By=x;URI=spiffe://a/y, ,GW;URI=spiffe://b/x",
            Empty,
        ),
        ("a pair of nothing", "GW;;URI=spiffe://b/x", Empty),
        ("blanks alone", " \t", Empty),
        ("no pair", "spiffe://b/x", NotAPair),
        ("no key", "GW;=spiffe://b/x", NotAPair),
        ("a blank in a key", "GW; URI=spiffe://b/x", NotAPair),
        ("a key in quotes", "GW;\"URI\"=spiffe://b/x", NotAPair),
        (
            "a key of other letters",
            "GW;\u{dc}RI=spiffe://b/x",
            NotAPair,
        ),
        ("a hash twice", "GW;Hash=0a;URI=spiffe://b/x", Key),
        (
            "a subject twice, in any case",
            "GW;Subject=\"\";SUBJECT=\"\";URI=spiffe://b/x",
            Key,
        ),
        ("NUL", "GW;URI=spiffe://b/x\0", Control),
        ("a line end", "GW;URI=spiffe://b/x\r\nx: y", Control),
        ("DEL", "GW;URI=spiffe://b/\x7f", Control),
    ];
    for (why, value, error) in cases {
        assert_eq!(asked(value), Err(error), "{why}: {value}");
    }
}

#[test]
fn limits_are_what_they_say() {
    const LONGEST: usize = 16 * 1024;
    let long = |n: usize| format!("URI=spiffe://b/{}", "x".repeat(n - 15));
    assert!(elements(&long(LONGEST)).is_ok());
    assert_eq!(elements(&long(LONGEST + 1)), Err(MalformedXfcc::TooLong));
    let many = |n: usize| vec!["By=x"; n].join(",");
    assert_eq!(elements(&many(64)).map(|e| e.len()), Ok(64));
    assert_eq!(elements(&many(64 + 1)), Err(MalformedXfcc::TooManyElements));
    let key = |n: usize| format!("{}=x", "k".repeat(n));
    assert!(elements(&key(32)).is_ok());
    assert_eq!(elements(&key(32 + 1)), Err(MalformedXfcc::KeyTooLong));
    for separator in [",", ";", "\"", "\\", "=", "a=\"", "a=,"] {
        assert!(elements(&separator.repeat(LONGEST / separator.len())).is_err());
    }
}
