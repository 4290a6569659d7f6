//! What goes wrong, drawn from a seed: at which message, at which commit, and how.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Numbers from a seed, the same on every machine (SplitMix64).
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    pub fn among<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    Authority,
    Gateway,
    Phones,
}

impl Victim {
    pub const ALL: [Self; 3] = [Self::Authority, Self::Gateway, Self::Phones];
}

/// Before a message arrives, after it was answered, or so many microseconds after it was sent.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    Before,
    After,
    During(u64),
}

/// What happens to a message.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It never arrives.
    Lost,
    /// It arrives, and its answer does not.
    AnswerLost,
    /// It arrives later.
    Delayed(Duration),
    /// It arrives twice; whoever sent it hears the first answer, or the second.
    Twice { second: bool },
    /// It arrives once more, after so many others.
    Again(usize),
    /// Whoever sent it gives it up; it arrives after so many others, as when a retry overtakes it.
    Overtaken(usize),
    /// The process is killed, or all of them at once.
    Kill(Option<Victim>, Moment),
}

impl Fault {
    fn draw(draw: &mut Draw) -> Self {
        let others = 1 + usize::try_from(draw.below(3)).unwrap();
        match draw.below(16) {
            0 => Self::Lost,
            1 | 2 => Self::AnswerLost,
            3 => Self::Delayed(Duration::from_millis(draw.below(60))),
            4 | 5 => Self::Twice { second: draw.below(2) == 0 },
            6 => Self::Again(others),
            7 => Self::Overtaken(others),
            _ => {
                let all = [
                    Some(Victim::Authority),
                    Some(Victim::Authority),
                    Some(Victim::Phones),
                    Some(Victim::Phones),
                    Some(Victim::Gateway),
                    None,
                ];
                let moment = match draw.below(4) {
                    0 => Moment::Before,
                    1 => Moment::After,
                    _ => Moment::During(draw.below(40_000)),
                };
                Self::Kill(draw.among(&all), moment)
            }
        }
    }
}

/// A process that is killed when it commits, by how many commits, before the database hears of it or after.
#[derive(Clone, Copy, Debug)]
pub struct AtCommit {
    pub whose: Victim,
    pub number: u64,
    pub before: bool,
}

/// What is armed now.
#[derive(Debug, Default)]
struct Armed {
    messages: usize,
    faults: BTreeMap<usize, Fault>,
    commits: u64,
    at_commit: Option<AtCommit>,
    /// Disturbs what the actors ask by themselves all the time.
    background: Option<Draw>,
    /// What has happened so far, for whoever reads a failure.
    happened: Vec<String>,
    late: Vec<(usize, JoinHandle<()>)>,
}

/// The plan of the step under way; nothing goes wrong while it is not armed.
#[derive(Debug, Default)]
pub struct Plan {
    armed: Mutex<Armed>,
    kills: AtomicU64,
    faults: AtomicU64,
    /// Messages that are being passed on.
    passing: AtomicU64,
}

/// A message that is being passed on, until this is dropped.
pub struct Passing<'a>(&'a Plan);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.passing.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Plan {
    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws what goes wrong within so many messages.
    pub fn arm(&self, seed: u64, messages: u64) {
        let mut draw = Draw::new(seed);
        let mut armed = Armed::default();
        for _ in 0..=draw.below(3) {
            let at = usize::try_from(draw.below(messages)).unwrap();
            armed.faults.insert(at, Fault::draw(&mut draw));
        }
        if draw.below(3) > 0 {
            let whose = draw.among(&[Victim::Authority, Victim::Authority, Victim::Gateway, Victim::Phones]);
            let number = 1 + draw.below(messages);
            armed.at_commit = Some(AtCommit { whose, number, before: draw.below(2) == 0 });
        }
        armed.background = Some(draw);
        *self.armed() = armed;
    }

    /// Nothing goes wrong any more; what is still on its way arrives before this returns. Says what went wrong.
    pub fn disarm(&self) -> Vec<String> {
        while self.passing.load(Ordering::SeqCst) > 0 {
            // Messages on which nobody waits any more can still kill.
            std::thread::sleep(Duration::from_millis(1));
        }
        let armed = std::mem::take(&mut *self.armed());
        for (_, late) in armed.late {
            late.thread().unpark();
            let _ = late.join();
        }
        armed.happened
    }

    /// A message comes.
    pub fn passes(&self) -> Passing<'_> {
        self.passing.fetch_add(1, Ordering::SeqCst);
        Passing(self)
    }

    /// Another message: what happens to it.
    pub fn message(&self, line: &str) -> Option<Fault> {
        let mut armed = self.armed();
        let number = armed.messages;
        armed.messages += 1;
        // Those whose time has come arrive now.
        for (at, late) in &armed.late {
            if *at <= number {
                late.thread().unpark();
            }
        }
        let fault = armed.faults.remove(&number)?;
        self.faults.fetch_add(1, Ordering::Relaxed);
        armed.happened.push(format!("message {number}, {line}: {fault:?}"));
        Some(fault)
    }

    /// What is asked all the time is lost now and then.
    pub fn loses_background(&self) -> bool {
        self.armed().background.as_mut().is_some_and(|draw| draw.below(8) == 0)
    }

    /// A message that arrives after so many others; `deliver` waits until it is unparked.
    pub fn later(&self, others: usize, deliver: impl FnOnce() + Send + 'static) {
        let mut armed = self.armed();
        let at = armed.messages + others;
        armed.late.push((at, std::thread::spawn(deliver)));
    }

    /// A commit is about to happen (`before`), or was seen; kills its process now if that was planned, and tells.
    pub fn commit(&self, whose: Victim, before: bool, kill: impl FnOnce()) -> bool {
        let mut armed = self.armed();
        let Some(at) = armed.at_commit.filter(|at| at.whose == whose) else { return false };
        if before {
            armed.commits += 1;
        }
        if armed.commits < at.number || at.before != before {
            return false;
        }
        armed.at_commit = None;
        armed.happened.push(format!("killed at a commit: {at:?}"));
        // Whoever disarms the plan waits for this.
        kill();
        true
    }

    /// Whether a commit of this process is waited for.
    pub fn awaits_commit(&self, whose: Victim) -> bool {
        self.armed().at_commit.is_some_and(|at| at.whose == whose)
    }

    pub fn killed(&self) {
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    pub fn kills(&self) -> u64 {
        self.kills.load(Ordering::Relaxed)
    }

    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }
}
