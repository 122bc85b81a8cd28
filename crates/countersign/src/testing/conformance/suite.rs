use http::uri::{PathAndQuery, Uri};
use http::{Request, uri};

use super::case::{Case, Group, MakeError, Step, bearer};
use super::{CaseOutcome, Report, Subject, scopes};
use crate::testing::TestIssuer;
use crate::time::SystemClock;

/// How many fetches a flood of unknown key ids may cost.
const MAX_FETCHES: u64 = 2;

/// All cases, and where they are sent.
#[derive(Clone, Debug)]
#[must_use]
pub struct Suite {
    path: String,
    scoped: Option<String>,
}

impl Default for Suite {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            scoped: None,
        }
    }
}

impl Suite {
    /// The scope that the cases of the group [`Scopes`](Group::Scopes) are about.
    pub const SCOPE: &'static str = scopes::SCOPE;

    /// The path of a route that requires a good token and nothing else. By default `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The path of a route that requires the scope [`SCOPE`](Self::SCOPE) as well. Without one, the cases about
    /// scopes are not run.
    pub fn scope(mut self, path: impl Into<String>) -> Self {
        self.scoped = Some(path.into());
        self
    }

    /// Runs every case. `subject` makes what is to be held to them, trusting the issuer that it is given: once for
    /// most cases, and anew for each one of the group [`Keys`](Group::Keys).
    ///
    /// # Errors
    ///
    /// The first one of `subject`; or when an issuer could not be started, a token not be signed, or a path is none.
    pub async fn run(
        &self,
        mut subject: impl AsyncFnMut(
            &TestIssuer,
        )
            -> Result<Subject, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Report, Box<dyn std::error::Error + Send + Sync>> {
        let issuer = TestIssuer::start(SystemClock)?;
        let shared = subject(&issuer).await?;
        shared.settled().await;
        let mut outcomes = Vec::new();
        for case in Case::all() {
            let outcome = match (case.group, &self.scoped) {
                (Group::Keys, _) if shared.can_settle() => {
                    let issuer = TestIssuer::start(SystemClock)?;
                    for step in case.steps {
                        if let Step::First(change) = step {
                            change(&issuer);
                        }
                    }
                    let fresh = subject(&issuer).await?;
                    fresh.settled().await;
                    self.judge(case, &issuer, &fresh, &self.path).await?
                }
                (Group::Keys, _) | (Group::Scopes, None) => CaseOutcome::NotRun,
                (Group::Scopes, Some(path)) => self.judge(case, &issuer, &shared, path).await?,
                _ => self.judge(case, &issuer, &shared, &self.path).await?,
            };
            outcomes.push((case, outcome));
        }
        Ok(Report { outcomes })
    }

    async fn judge(
        &self,
        case: &Case,
        issuer: &TestIssuer,
        subject: &Subject,
        path: &str,
    ) -> Result<CaseOutcome, MakeError> {
        let mut request = case.request(issuer)?;
        let mut fetches = None;
        for step in case.steps {
            match step {
                Step::First(_) => {}
                Step::Then(change) => {
                    change(issuer)?;
                    subject.settled().await;
                }
                Step::Make(make) => request = make(issuer)?,
                Step::Send(make) => {
                    let sent = at(make(issuer)?, &self.path)?;
                    // What comes of it shows in the answer that counts.
                    let _ = subject.send(sent).await;
                }
                Step::Flood(tokens) => {
                    let before = issuer.key_fetches();
                    for n in 0..*tokens {
                        let unknown = issuer.token().key_id(&format!("unknown-{n}"));
                        let sent = at(bearer(unknown.sign())?, &self.path)?;
                        let _ = subject.send(sent).await;
                    }
                    fetches = Some(issuer.key_fetches().saturating_sub(before));
                }
            }
        }
        let outcome = match subject.send(at(request, path)?).await {
            Ok(reply) => CaseOutcome::of(case, &reply),
            Err(error) => CaseOutcome::Failed(format!("no answer: {error}")),
        };
        let many = fetches.filter(|fetches| *fetches > MAX_FETCHES);
        Ok(match (outcome, many) {
            (CaseOutcome::Passed, Some(many)) => CaseOutcome::Differs(format!("{many} fetches")),
            (CaseOutcome::Differs(what), Some(many)) => {
                CaseOutcome::Differs(format!("{what}, {many} fetches"))
            }
            (outcome, _) => outcome,
        })
    }
}

/// The request, sent to this path.
fn at(request: Request<()>, path: &str) -> Result<Request<()>, MakeError> {
    let (mut parts, body) = request.into_parts();
    let target: PathAndQuery = match parts.uri.query() {
        Some(query) => format!("{path}?{query}").parse()?,
        None => path.parse()?,
    };
    let mut uri = uri::Parts::default();
    uri.path_and_query = Some(target);
    parts.uri = Uri::from_parts(uri)?;
    Ok(Request::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;
    use std::sync::Arc;

    use http::Response;
    use http::header::WWW_AUTHENTICATE;
    use tower::service_fn;

    use super::super::url::Address;
    use super::*;

    fn refusal() -> Response<()> {
        let response = Response::builder().status(401);
        let challenge = r#"Bearer error="invalid_token""#;
        response
            .header(WWW_AUTHENTICATE, challenge)
            .body(())
            .unwrap()
    }

    fn of(report: &Report, group: Group) -> Vec<&CaseOutcome> {
        let of_group = report.outcomes().filter(|(case, _)| case.group() == group);
        of_group.map(|(_, outcome)| outcome).collect()
    }

    #[test]
    fn cases_for_which_the_subject_has_nothing_are_not_run() {
        let refuses = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(refusal())));
        let suite = Suite::default();
        let run = suite.run(async |_| Ok(Subject::service(refuses)));
        let report = tokio_test::block_on(run).unwrap();
        for group in [Group::Keys, Group::Scopes] {
            assert!(
                of(&report, group)
                    .iter()
                    .all(|o| **o == CaseOutcome::NotRun)
            );
        }
        assert_eq!(report.outcomes().count(), Case::all().count());
        let good = CaseOutcome::Failed("refused (401 invalid_token)".to_owned());
        assert_eq!(of(&report, Group::Presence)[0], &good);
    }

    #[test]
    fn routes_are_those_that_the_suite_is_told() {
        let by_path = service_fn(|request: Request<()>| {
            let response = match request.uri().path() {
                "/a" => refusal(),
                "/b" => Response::new(()),
                other => panic!("{other}"),
            };
            ready(Ok::<_, Infallible>(response))
        });
        let suite = Suite::default().path("/a").scope("/b");
        let run = suite.run(async |_| Ok(Subject::service(by_path)));
        let report = tokio_test::block_on(run).unwrap();
        let accepted = CaseOutcome::Failed("accepted".to_owned());
        let scopes = of(&report, Group::Scopes);
        assert_eq!(scopes[0], &CaseOutcome::Passed);
        assert_eq!(scopes.last(), Some(&&accepted));
    }

    #[test]
    fn fetches_that_unknown_keys_cost_are_counted() {
        let suite = Suite::default();
        let run = suite.run(async |issuer: &TestIssuer| {
            let address = Arc::new(Address::parse(issuer.url())?);
            let fetches = service_fn(move |_: Request<()>| {
                let request = Request::get("/jwks.json").body(()).unwrap();
                let fetch = address.exchange(&request);
                async move { fetch.await.map(|_| refusal()) }
            });
            Ok(Subject::service(fetches).settle(|| ready(())))
        });
        let report = tokio_test::block_on(run).unwrap();
        let flooded = report
            .outcomes()
            .find(|(case, _)| case.name().contains("a hundred"));
        let fetched = CaseOutcome::Differs("100 fetches".to_owned());
        assert_eq!(flooded.map(|(_, outcome)| outcome), Some(&fetched));
    }
}
