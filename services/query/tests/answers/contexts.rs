//! Callers of gRPC are answered as who they are, within their deadline, and with the reason where
//! there is no answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use probity_projection::ViewReader;
use probity_query::{Access, Caller, QueryContext, QueryError, ReadPool, RequestContext, Scope};
use probity_schemas::{Identity, Namespace, NamespacePattern, SystemClock};
use probity_tlog::Hash;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::views::{Content, Counts};
use crate::world::{Told, World, follow, halted, reach, run};

/// The service `scorer` may see `credit`, `auditor` everything, and nobody else anything.
#[derive(Debug)]
struct Roles;

impl Access for Roles {
    fn namespaces(&self, identity: &Identity, _now: u64) -> Vec<NamespacePattern> {
        match identity.to_string().as_str() {
            "service:scorer" => vec!["credit".parse().unwrap()],
            "service:auditor" => vec!["credit".parse().unwrap(), NamespacePattern::All],
            _ => Vec::new(),
        }
    }

    fn roles(&self, _: &Identity, _: &Namespace, _: u64) -> Vec<String> {
        Vec::new()
    }

    fn roles_for(&self, identity: &Identity, _: &str, namespace: &Namespace, now: u64) -> Vec<String> {
        self.roles(identity, namespace, now)
    }

    fn roster(&self, _: u64) -> Vec<probity_query::Member> {
        Vec::new()
    }

    fn tree_size(&self) -> u64 {
        9
    }
}

fn context(reader: &ViewReader) -> QueryContext {
    QueryContext::new(reader.clone(), Arc::new(Roles), SystemClock::shared(), ReadPool::default())
}

fn request(caller: Option<Caller>, timeout: Option<&str>) -> RequestContext {
    let mut sent = Request::new(());
    if let Some(caller) = caller {
        sent.extensions_mut().insert(caller);
    }
    if let Some(timeout) = timeout {
        sent.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
    }
    RequestContext::of(&sent)
}

fn identified(name: &str) -> Option<Caller> {
    Some(Caller::Identified(name.parse().unwrap()))
}

/// The code, the reason for programs, and one fact of a refusal.
fn refusal(status: &Status, fact: &str) -> (Code, String, Option<String>) {
    let info = status.get_details_error_info().expect("every refusal has a reason");
    assert_eq!(info.domain, "probity");
    (status.code(), info.reason, info.metadata.get(fact).cloned())
}

#[test]
fn callers_see_what_they_may() {
    run(|| async {
        let world = World::of_blocks(3).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, world.told.size()).await;
        let context = context(&reader);
        let scope = |caller: Option<Caller>| {
            let context = context.clone();
            async move {
                context.answer(request(caller, None), 0, |_, scope| Ok(scope.clone())).await.map(|(_, scope)| scope)
            }
        };
        assert_eq!(scope(Some(Caller::Local)).await.unwrap(), Scope::Everything);
        assert_eq!(scope(identified("service:auditor")).await.unwrap(), Scope::Everything);
        let some = scope(identified("service:scorer")).await.unwrap();
        assert!(some.covers_subject("model:credit/pd@3") && !some.covers_subject("model:risk/pd@3"), "{some:?}");
        assert!(!some.covers_subject("no subject"));

        // A request that no transport vouches for is nobody's.
        for nobody in [Some(Caller::Unmapped), None] {
            let refused = scope(nobody).await.map_err(Status::from).unwrap_err();
            assert_eq!(refusal(&refused, "").0, Code::Unauthenticated);
            assert_eq!(refusal(&refused, "").1, "UNIDENTIFIED");
        }
        let refused = scope(identified("service:stranger")).await.map_err(Status::from).unwrap_err();
        let expected = (Code::PermissionDenied, "MAY_NOT_READ".to_owned(), Some("service:stranger".to_owned()));
        assert_eq!(refusal(&refused, "identity"), expected);
        following.stop().await.unwrap();
    });
}

#[test]
fn an_answer_says_as_of_which_checkpoint_it_holds() {
    run(|| async {
        let mut world = World::of_blocks(3).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let context = context(&reader);
        for _ in 0..5 {
            world.record(2).await;
            let size = world.told.size();
            let ask = context.answer(request(Some(Caller::Local), Some("1M")), size, |view, _| Ok(Content::of(view)));
            let (as_of, content) = ask.await.unwrap();
            let head = world.log.reader().head().unwrap();
            assert_eq!((as_of.tree_size, as_of.recorded_at), (size, head.time));
            assert_eq!(&as_of.root[..], head.root.as_bytes());
            assert_eq!(as_of.halted, "");
            assert_eq!(content, Content::folded(world.entries(), 1));
        }
        following.stop().await.unwrap();
    });
}

#[test]
fn a_caller_with_little_time_is_told_why_there_is_no_answer() {
    run(|| async {
        let world = World::of_blocks(3).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let size = world.told.size();
        reach(&reader, size).await;
        let context = context(&reader);
        for (timeout, least) in [("60m", 50), ("50000u", 40), ("30000000n", 20), ("0S", 0)] {
            let began = Instant::now();
            let asked = request(Some(Caller::Local), Some(timeout));
            let refused = context.answer(asked, size + 1, |_, _| Ok(())).await.map_err(Status::from).unwrap_err();
            let expected = (Code::DeadlineExceeded, "VIEW_BEHIND".to_owned(), Some((size + 1).to_string()));
            assert_eq!(refusal(&refused, "wanted"), expected);
            assert_eq!(refusal(&refused, "tree_size").2, Some(size.to_string()));
            let waited = began.elapsed();
            assert!(waited >= Duration::from_millis(least) && waited < Duration::from_secs(5), "{timeout}: {waited:?}");
        }
        following.stop().await.unwrap();
    });
}

#[test]
fn a_deadline_that_is_none_is_as_if_there_were_none() {
    run(|| async {
        let mut world = World::of_blocks(3).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let wanted = world.told.size() + 1;
        let waiting: Vec<_> = ["", "5", "m", "123456789S", "-1S", "1.5S", "5s", "99999999H"]
            .into_iter()
            .map(|timeout| {
                let (context, asked) = (context(&reader), request(Some(Caller::Local), Some(timeout)));
                tokio::spawn(async move { context.answer(asked, wanted, |_, _| Ok(())).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.record(1).await;
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap().unwrap().0.tree_size, wanted);
        }
        following.stop().await.unwrap();
    });
}

#[test]
fn answers_of_a_halted_view_say_why_it_is_halted() {
    run(|| async {
        let told = Told::of_blocks(3);
        let log = told.listed();
        let dir = tempfile::tempdir().unwrap();
        let store = probity_projection::Store::open(dir.path(), crate::world::CACHE).unwrap();
        let (following, reader) = follow::<Counts<0, 1>>(log.clone(), store).await;
        let size = told.size();
        reach(&reader, size).await;
        log.push(told.ledger.signed(Hash([7; 32]), &[told.statement(6).0]));
        let reason = halted(&reader).await;
        let context = context(&reader);
        let (as_of, ()) = context.answer(request(Some(Caller::Local), None), size, |_, _| Ok(())).await.unwrap();
        assert_eq!((as_of.tree_size, as_of.halted), (size, reason.clone()));
        let refused = context
            .answer(request(Some(Caller::Local), None), size + 1, |_, _| Ok(()))
            .await
            .map_err(Status::from)
            .unwrap_err();
        let expected = (Code::Unavailable, "VIEW_HALTED".to_owned(), Some(size.to_string()));
        assert_eq!(refusal(&refused, "tree_size"), expected);
        assert!(refused.message().contains(&reason), "{refused:?}");
        following.stop().await.unwrap();
    });
}

#[test]
fn a_view_that_is_built_is_asked_again_later() {
    run(|| async {
        let told = Told::of_blocks(3);
        let log = told.listed();
        let dir = tempfile::tempdir().unwrap();
        let store = probity_projection::Store::open(dir.path(), crate::world::CACHE).unwrap();
        let mut follower = crate::world::follower(log.clone(), store).await;
        let reader = follower.add::<Counts<0, 1>>().await.unwrap();
        let refused = context(&reader)
            .answer(request(Some(Caller::Local), None), 0, |_, _| Ok(()))
            .await
            .map_err(Status::from)
            .unwrap_err();
        let expected = (Code::Unavailable, "VIEW_BUILDING".to_owned(), Some(told.size().to_string()));
        assert_eq!(refusal(&refused, "until"), expected);
        assert!(refused.get_details_retry_info().is_some_and(|retry| retry.retry_delay.is_some()));
    });
}

#[test]
fn a_question_about_more_than_there_is_is_out_of_range() {
    run(|| async {
        let world = World::of_blocks(1).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        let context = context(&reader);
        context.must_reach("to", 9).unwrap();
        let refused = Status::from(context.must_reach("to", 10).unwrap_err());
        let expected = (Code::OutOfRange, "OUT_OF_RANGE".to_owned(), Some("9".to_owned()));
        assert_eq!(refusal(&refused, "tree_size"), expected);
        following.stop().await.unwrap();
    });
}

#[test]
fn what_a_query_refuses_is_told_with_its_reason() {
    run(|| async {
        let world = World::of_blocks(1).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, 1).await;
        let context = context(&reader);
        let not_found = || QueryError::NotFound { what: "model:credit/pd".to_owned() };
        let invalid = || QueryError::Invalid { field: "subject", reason: "it is none".to_owned() };
        let too_much = || QueryError::TooMuch { what: "edges", limit: 9 };
        type Refuses = fn() -> QueryError;
        let cases: [(Refuses, Code, &str); 3] = [
            (not_found, Code::NotFound, "NOT_FOUND"),
            (invalid, Code::InvalidArgument, "INVALID_QUESTION"),
            (too_much, Code::ResourceExhausted, "TOO_MUCH"),
        ];
        for (refuses, code, reason) in cases {
            let ask = context.answer(request(Some(Caller::Local), None), 0, move |_, _| Err::<(), _>(refuses()));
            let (found, said, _) = refusal(&ask.await.unwrap_err().into(), "");
            assert_eq!((found, said.as_str()), (code, reason));
        }
        following.stop().await.unwrap();
    });
}

#[test]
fn a_question_whose_caller_has_gone_or_waited_too_long_reads_no_more() {
    run(|| async {
        let world = World::of_blocks(3).await;
        let (following, reader) = follow::<Counts<0, 1>>(world.log.clone(), world.store()).await;
        reach(&reader, world.told.size()).await;
        let pool = ReadPool::new(1, Duration::from_millis(50));
        let context = QueryContext::new(reader.clone(), Arc::new(Roles), SystemClock::shared(), pool);
        let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
        // A question that would be read for ever.
        let endless = |ended: tokio::sync::mpsc::UnboundedSender<String>| {
            context.answer(request(Some(Caller::Local), None), 0, move |view, _| -> Result<(), QueryError> {
                loop {
                    if let Err(error) = view.get(b"x") {
                        ended.send(error.to_string()).unwrap();
                        return Err(error.into());
                    }
                }
            })
        };
        let late = endless(ended.clone()).await.map_err(Status::from).unwrap_err();
        assert_eq!((late.code(), refusal(&late, "").1.as_str()), (Code::ResourceExhausted, "TOO_LONG"));
        assert_eq!(ends.recv().await.unwrap(), "the question was given up");
        // The same where the caller goes, as transports drop what they no longer wait for.
        drop(tokio::time::timeout(Duration::from_millis(5), endless(ended.clone())).await);
        assert_eq!(ends.recv().await.unwrap(), "the question was given up");
        // The thread is free again, and so is the view.
        context.answer(request(Some(Caller::Local), None), 0, |view, _| Ok(Content::of(view))).await.unwrap();
        following.stop().await.unwrap();
    });
}

#[test]
fn questions_wait_for_their_turn_and_not_for_ever() {
    run(|| async {
        let pool = ReadPool::new(1, Duration::from_millis(100));
        let (free, until_free) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(&Caller::Local, move |_| until_free.recv().is_err()).await }
        });
        let busy = loop {
            match pool.run(&Caller::Local, |_| ()).await {
                Ok(()) => tokio::task::yield_now().await,
                Err(busy) => break busy,
            }
        };
        assert_eq!(busy, probity_query::NoRead::Busy);
        drop(free);
        drop(first.await);
        pool.run(&Caller::Local, |_| ()).await.unwrap();
    });
}

#[test]
fn who_asks_much_waits_for_their_own_questions_and_others_are_answered_beside_them() {
    run(|| async {
        let pool = ReadPool::new(8, Duration::from_secs(10)).per_caller(1);
        let (greedy, other) = (Caller::Unmapped, Caller::Identified("service:other".parse().unwrap()));
        let (free, until_free) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = std::sync::mpsc::channel();
        let first = tokio::spawn({
            let (pool, greedy) = (pool.clone(), greedy.clone());
            async move {
                let read = move |_| {
                    begun.send(()).unwrap();
                    until_free.recv().is_err()
                };
                pool.run(&greedy, read).await
            }
        });
        tokio::task::spawn_blocking(move || begins.recv().unwrap()).await.unwrap();
        let second = tokio::spawn({
            let (pool, greedy) = (pool.clone(), greedy.clone());
            async move { pool.run(&greedy, |_| ()).await }
        });
        for _ in 0..10 {
            pool.run(&other, |_| ()).await.unwrap();
        }
        assert!(!second.is_finished() && !first.is_finished());
        drop(free);
        assert!(first.await.unwrap().unwrap());
        second.await.unwrap().unwrap();
    });
}
