use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use http::uri::{PathAndQuery, Uri};
use http::{Request, uri};

use crate::case::{Case, Group, Step};
use crate::cases::{self, bearer};
use crate::{BoxError, CaseOutcome, Report, Target};

/// The largest number of fetches that a flood of unknown key ids may cause.
const MAX_FETCHES: u64 = 2;

/// Every case, and the paths to which the requests are sent.
#[derive(Clone, Debug)]
#[must_use]
pub struct Suite {
    path: String,
    scoped_path: Option<String>,
}

impl Default for Suite {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            scoped_path: None,
        }
    }
}

impl Suite {
    /// The scope that the route of the group [`Scopes`](Group::Scopes) must require.
    pub const SCOPE: &'static str = cases::SCOPE;

    /// Sets the path of a route that requires a valid token and nothing else. The default is `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the path of a route that also requires the scope [`SCOPE`](Self::SCOPE). Without it, the cases of the group
    /// [`Scopes`](Group::Scopes) are not run.
    pub fn scope(mut self, path: impl Into<String>) -> Self {
        self.scoped_path = Some(path.into());
        self
    }

    /// Runs every case.
    ///
    /// `target` creates the service under test, which must trust the given issuer. It is called once for most cases, and
    /// again for each case of the group [`Keys`](Group::Keys).
    ///
    /// # Errors
    ///
    /// Returns the first error of `target`, or an error if an issuer could not be started, a token could not be signed,
    /// or a path is invalid.
    pub async fn run(
        &self,
        mut target: impl AsyncFnMut(
            &TestIssuer,
        ) -> Result<Target, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Report, Box<dyn std::error::Error + Send + Sync>> {
        let issuer = TestIssuer::start(SystemClock)?;
        let shared = target(&issuer).await?;
        shared.keys_refreshed().await;
        let mut outcomes = Vec::new();
        for case in Case::all() {
            let outcome = match (case.group, &self.scoped_path) {
                (Group::Keys, _) if shared.can_refresh_keys() => {
                    let issuer = TestIssuer::start(SystemClock)?;
                    for step in case.steps {
                        if let Step::Before(change) = step {
                            change(&issuer);
                        }
                    }
                    let fresh = target(&issuer).await?;
                    fresh.keys_refreshed().await;
                    self.run_case(case, &issuer, &fresh, &self.path).await?
                }
                (Group::Keys, _) | (Group::Scopes, None) => CaseOutcome::NotRun,
                (Group::Scopes, Some(path)) => self.run_case(case, &issuer, &shared, path).await?,
                _ => self.run_case(case, &issuer, &shared, &self.path).await?,
            };
            outcomes.push((case, outcome));
        }
        Ok(Report { outcomes })
    }

    async fn run_case(
        &self,
        case: &Case,
        issuer: &TestIssuer,
        target: &Target,
        path: &str,
    ) -> Result<CaseOutcome, BoxError> {
        let mut request = case.request(issuer)?;
        let mut fetches = None;
        for step in case.steps {
            match step {
                Step::Before(_) => {}
                Step::Change(change) => {
                    change(issuer);
                    target.keys_refreshed().await;
                }
                Step::Rotate => {
                    issuer.rotate()?;
                    target.keys_refreshed().await;
                }
                Step::Create(create) => request = create(issuer)?,
                Step::Send(create) => {
                    let sent = at(create(issuer)?, &self.path)?;
                    // Its effect shows in the response to the last request.
                    let _ = target.send(sent).await;
                }
                Step::Flood(tokens) => {
                    let before = issuer.key_fetches();
                    for n in 0..*tokens {
                        let unknown = issuer.token().key_id(&format!("unknown-{n}"));
                        let sent = at(bearer(unknown.sign())?, &self.path)?;
                        let _ = target.send(sent).await;
                    }
                    fetches = Some(issuer.key_fetches().saturating_sub(before));
                }
            }
        }
        let outcome = match target.send(at(request, path)?).await {
            Ok(response) => CaseOutcome::of(case, &response),
            Err(error) => CaseOutcome::Failed(format!("no response: {error}")),
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

/// Sets the path of the request, and keeps its query.
fn at(request: Request<()>, path: &str) -> Result<Request<()>, BoxError> {
    let (mut parts, body) = request.into_parts();
    let path_and_query: PathAndQuery = match parts.uri.query() {
        Some(query) => format!("{path}?{query}").parse()?,
        None => path.parse()?,
    };
    let mut uri = uri::Parts::default();
    uri.path_and_query = Some(path_and_query);
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

    use super::*;
    use crate::client::Address;

    fn rejection() -> Response<()> {
        let response = Response::builder().status(401);
        let challenge = r#"Bearer error="invalid_token""#;
        response
            .header(WWW_AUTHENTICATE, challenge)
            .body(())
            .unwrap()
    }

    fn of(report: &Report, group: Group) -> Vec<&CaseOutcome> {
        let of_group = report.outcomes().filter(|(case, _)| case.group == group);
        of_group.map(|(_, outcome)| outcome).collect()
    }

    #[test]
    fn cases_that_need_what_the_target_lacks_are_not_run() {
        let reject_all = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(rejection())));
        let suite = Suite::default();
        let run = suite.run(async |_| Ok(Target::service(reject_all)));
        let report = tokio_test::block_on(run).unwrap();
        for group in [Group::Keys, Group::Scopes] {
            assert!(
                of(&report, group)
                    .iter()
                    .all(|o| **o == CaseOutcome::NotRun)
            );
        }
        assert_eq!(report.outcomes().count(), Case::all().count());
        let rejected = CaseOutcome::Failed("rejected (401 invalid_token)".to_owned());
        assert_eq!(of(&report, Group::Presence)[0], &rejected);
    }

    #[test]
    fn requests_are_sent_to_the_configured_paths() {
        let by_path = service_fn(|request: Request<()>| {
            let response = match request.uri().path() {
                "/a" => rejection(),
                "/b" => Response::new(()),
                other => panic!("{other}"),
            };
            ready(Ok::<_, Infallible>(response))
        });
        let suite = Suite::default().path("/a").scope("/b");
        let run = suite.run(async |_| Ok(Target::service(by_path)));
        let report = tokio_test::block_on(run).unwrap();
        let accepted = CaseOutcome::Failed("accepted".to_owned());
        let scopes = of(&report, Group::Scopes);
        assert_eq!(scopes[0], &CaseOutcome::Passed);
        assert_eq!(scopes.last(), Some(&&accepted));
    }

    #[test]
    fn fetches_that_unknown_key_ids_cause_are_counted() {
        let suite = Suite::default();
        let run = suite.run(async |issuer: &TestIssuer| {
            let address = Arc::new(Address::parse(issuer.url())?);
            let fetches = service_fn(move |_: Request<()>| {
                let request = Request::get("/jwks.json").body(()).unwrap();
                let fetch = address.exchange(&request);
                async move { fetch.await.map(|_| rejection()) }
            });
            Ok(Target::service(fetches).refresh_keys(|| ready(())))
        });
        let report = tokio_test::block_on(run).unwrap();
        let flooded = report
            .outcomes()
            .find(|(case, _)| case.name.contains("a hundred"));
        let fetched = CaseOutcome::Differs("100 fetches".to_owned());
        assert_eq!(flooded.map(|(_, outcome)| outcome), Some(&fetched));
    }
}
