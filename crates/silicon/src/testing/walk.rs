use super::{Cut, Fall, Part};

/// How a story is walked through: a cut at every write, and after each such cut another at every write that
/// follows, as deep as asked.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// Cuts in one play.
    pub depth: usize,
    /// The chip lives on after a cut; otherwise it is pulled out and put in again.
    pub flickers: bool,
    /// For what is torn and garbled.
    pub seed: u64,
    /// Every way to fall for every cut, where otherwise only a single one has all. Each of several is not begun,
    /// or falls in one other way; the walk of the next seed in another.
    pub thorough: bool,
}

/// What a walk came past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Times that the story was played.
    pub plays: u64,
    /// Cuts that fell in them.
    pub cuts: u64,
    /// Writes of the story when nothing is cut.
    pub writes: u32,
}

impl Walk {
    /// Plays a story under every plan of cuts: `play` plans them on its die, lives the story to its end, gives
    /// the power back after each, and tells what the cuts fell into. A walk goes on until a cut comes too
    /// late to fall into anything; how many writes a story has is found, not given.
    pub fn through(&self, play: &mut dyn FnMut(&[Cut]) -> Vec<Part>) -> Tally {
        let mut tally = Tally::default();
        tally.writes = self.step(&mut Vec::new(), &mut tally, play);
        tally
    }

    /// All endings of a plan: the number of writes that could be cut after it.
    fn step(&self, plan: &mut Vec<Cut>, tally: &mut Tally, play: &mut dyn FnMut(&[Cut]) -> Vec<Part>) -> u32 {
        for writes in 0.. {
            let mut fuse = false;
            for fall in self.ways(plan.len(), writes) {
                // A fuse is advanced or not; there is no third.
                if fuse && fall != Fall::Unacknowledged {
                    continue;
                }
                plan.push(Cut { writes, fall, flickers: self.flickers });
                let met = play(plan);
                tally.plays += 1;
                tally.cuts += u64::try_from(met.len()).unwrap_or_default();
                let fell = met.len() == plan.len();
                fuse = met.last() == Some(&Part::Fuse);
                if fell && plan.len() < self.depth {
                    self.step(plan, tally, play);
                }
                plan.pop();
                if !fell {
                    return writes;
                }
            }
        }
        0
    }

    /// Not begun comes first.
    fn ways(&self, level: usize, writes: u32) -> Vec<Fall> {
        let all = Fall::all(self.seed.wrapping_add(u64::from(writes)));
        if self.depth == 1 || self.thorough {
            return all.to_vec();
        }
        let [dropped, whole, halved, torn, garbled] = all;
        let level = u64::try_from(level).unwrap_or_default();
        // Page and fuse of one commit alike; the walk of the next seed has the other half.
        let second = match (u64::from(writes / 2).wrapping_add(level).wrapping_add(self.seed)) % 6 {
            0 | 2 | 4 => whole,
            1 => halved,
            3 => torn,
            _ => garbled,
        };
        vec![dropped, second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Silicon, testing::SeededSilicon};

    #[test]
    fn a_walk_finds_every_write_and_every_second_cut() {
        let walk = Walk { depth: 2, flickers: true, seed: 1, thorough: false };
        let mut plans = Vec::new();
        let tally = walk.through(&mut |plan| {
            plans.push(plan.to_vec());
            let mut die = SeededSilicon::new(1);
            die.plan(plan);
            let _ = die.write_page(0, b"page");
            let _ = die.advance_fuse();
            die.cuts_met().to_vec()
        });
        assert_eq!(tally.writes, 2);
        let both = plans.iter().filter(|plan| plan.iter().all(|cut| cut.writes == 0) && plan.len() == 2);
        // Two for the page; not advanced for the fuse behind it, or for another page.
        assert_eq!(both.count(), 2 * 2);
        assert_eq!(tally.plays, u64::try_from(plans.len()).unwrap());
    }
}
