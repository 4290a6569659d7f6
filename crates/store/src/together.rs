//! Several rows in one statement: what it costs to ask a database at all is shared by them.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Most rows of a statement. With the powers of two below it there are seven texts of each statement, and each
/// stays prepared.
const ROWS_MAX: usize = 64;

/// All of them, in parts whose sizes are powers of two.
pub fn parts<T>(all: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let size = 1 << rest.len().checked_ilog2()?;
        let (part, others) = rest.split_at_checked(ROWS_MAX.min(size))?;
        rest = others;
        Some(part)
    })
}

/// A statement with a row of parameters, in parentheses, for each of `count`. They are numbered from `first`, and
/// `shared` stands before them in each row.
pub fn rows(head: &str, shared: &str, (first, width, count): (usize, usize, usize), tail: &str) -> SqlStr {
    let row = |row: usize| {
        let own = (0..width).map(|column| format!("${}", first + row * width + column));
        let cells: Vec<String> =
            Some(shared.to_owned()).filter(|shared| !shared.is_empty()).into_iter().chain(own).collect();
        cells.join(", ")
    };
    let rows: Vec<String> = (0..count).map(|number| format!("({})", row(number))).collect();
    // Made of constants and numbers alone.
    AssertSqlSafe(format!("{head} {} {tail}", rows.join(", "))).into_sql_str()
}

/// A statement with one list of `count` parameters, numbered from 2.
pub fn list(head: &str, count: usize) -> SqlStr {
    rows(head, "", (2, count, 1), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_row_for_each_and_few_texts() {
        let sizes = |count: usize| parts(&vec![(); count]).map(<[()]>::len).collect::<Vec<_>>();
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(7), [4, 2, 1]);
        assert_eq!(sizes(200), [64, 64, 64, 8]);
        let text = rows("INSERT INTO t VALUES", "$1", (2, 2, 2), "RETURNING id");
        assert_eq!(text.as_str(), "INSERT INTO t VALUES ($1, $2, $3), ($1, $4, $5) RETURNING id");
        assert_eq!(
            list("SELECT a FROM t WHERE b = $1 AND c IN", 3)
                .as_str()
                .trim_end()
                .rsplit_once(" IN ")
                .unwrap()
                .1,
            "($2, $3, $4)"
        );
    }
}
