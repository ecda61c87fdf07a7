//! Where the header of a register file stands, and what its columns say.

use super::cells::Row;
use super::columns::{COLUMNS, Field, Need};
use super::error::RegistryError;

/// Rows from the top among which the header is looked for: title rows may stand above it.
pub const HEADER_WITHIN: usize = 30;

/// The header of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// The last row of it; data stands below.
    pub last_line: u32,
    /// The headings as they stand, group and name together where there are two rows; by column.
    pub headings: Vec<String>,
    /// What each column says; none when it is not known.
    pub fields: Vec<Option<Field>>,
}

impl Header {
    /// Headings that mean nothing here.
    pub fn ignored(&self) -> Vec<&str> {
        self.headings
            .iter()
            .zip(&self.fields)
            .filter(|(heading, field)| field.is_none() && !heading.is_empty())
            .map(|(heading, _)| heading.as_str())
            .collect()
    }
    /// Whether the file has a column for it.
    pub fn has(&self, field: Field) -> bool {
        self.fields.contains(&Some(field))
    }
    /// How many columns are known.
    pub fn known(&self) -> usize {
        self.fields.iter().flatten().count()
    }
}

/// The best header among the first rows of a file, complete or not.
pub fn best_header(rows: &[Row]) -> Option<Header> {
    let mut best: Option<Header> = None;
    for (at, row) in rows.iter().enumerate().take(HEADER_WITHIN) {
        let alone = one_row(row);
        let with_next = rows.get(at + 1).map(|below| two_rows(row, below));
        for header in [Some(alone), with_next].into_iter().flatten() {
            if best
                .as_ref()
                .is_none_or(|best| header.known() > best.known())
            {
                best = Some(header);
            }
        }
    }
    best
}

/// Finds the header and holds it against the table.
///
/// # Errors
/// Required columns that are missing, with the names that would do; two columns for one thing.
pub fn find_header(rows: &[Row]) -> Result<Header, RegistryError> {
    let header = best_header(rows).ok_or(RegistryError::Empty)?;
    let missing: Vec<String> = COLUMNS
        .iter()
        .filter(|column| column.need == Need::Required && !header.has(column.field))
        .map(|column| {
            format!(
                "  {} ({})",
                column.name,
                column.names().collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    if !missing.is_empty() {
        return Err(RegistryError::MissingColumns(missing.join("\n")));
    }
    for column in COLUMNS {
        let mut same = header
            .headings
            .iter()
            .zip(&header.fields)
            .filter(|(_, field)| **field == Some(column.field))
            .map(|(heading, _)| heading.clone());
        if let (Some(first), Some(second)) = (same.next(), same.next())
            && column.field != Field::TerminalNumbers
        {
            let field = column.name;
            return Err(RegistryError::TwoColumns {
                first,
                second,
                field,
            });
        }
    }
    Ok(header)
}

fn one_row(row: &Row) -> Header {
    let headings: Vec<String> = row
        .cells
        .iter()
        .map(|cell| cell.text().trim().to_owned())
        .collect();
    Header {
        last_line: row.line,
        fields: headings.iter().map(|heading| Field::of(heading)).collect(),
        headings,
    }
}

/// A group of columns has one merged cell above their names; a merged cell holds its text on the left and is empty
/// elsewhere. A column whose cell is merged downwards has no name below.
fn two_rows(above: &Row, below: &Row) -> Header {
    let (above, names) = (one_row(above).headings, one_row(below));
    let columns = above.len().max(names.headings.len());
    let mut group = String::new();
    let (mut headings, mut fields) = (Vec::new(), Vec::new());
    for at in 0..columns {
        let top = above.get(at).map_or("", String::as_str);
        let name = names.headings.get(at).map_or("", String::as_str);
        if !top.is_empty() {
            top.clone_into(&mut group);
        }
        let (heading, field) = if name.is_empty() {
            (top.to_owned(), Field::of(top))
        } else {
            let both = format!("{group}{name}");
            // 法人 above 姓名 says more than 姓名; 基本信息 above 商户编号 says nothing.
            let field = Field::of(&both).or_else(|| Field::of(name));
            let heading = if field.is_some() && Field::of(&both).is_none() {
                name.to_owned()
            } else {
                both
            };
            (heading, field)
        };
        headings.push(heading);
        fields.push(field);
    }
    Header {
        last_line: names.last_line,
        headings,
        fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::cells::Cell;

    fn row(line: u32, texts: &[&str]) -> Row {
        Row {
            line,
            cells: texts.iter().map(|text| Cell::of_text(text)).collect(),
        }
    }

    #[test]
    fn a_header_of_two_rows_joins_group_and_name() {
        let rows = [
            row(1, &["机具台账"]),
            row(2, &["序号", "基本信息", "", "法人", "", "联系电话"]),
            row(3, &["", "商户编号", "商户名称", "姓名", "证件号码", ""]),
            row(4, &["1", "x", "y", "z", "w", "v"]),
        ];
        let header = find_header(&rows).unwrap();
        assert_eq!(header.last_line, 3);
        assert_eq!(
            header.fields,
            [
                None,
                Some(Field::MerchantNo),
                Some(Field::Name),
                Some(Field::LegalName),
                Some(Field::LegalIdNo),
                Some(Field::Phone)
            ]
        );
        assert_eq!(header.ignored(), ["序号"]);
    }

    #[test]
    fn a_missing_column_is_named_with_what_would_do() {
        let rows = [row(1, &["商户编号", "商户名称", "法人姓名", "身份证号"])];
        let error = find_header(&rows).unwrap_err().to_string();
        assert!(
            error.contains("phone") && error.contains("手机号"),
            "{error}"
        );
        assert!(!error.contains("merchant_no"), "{error}");
    }

    #[test]
    fn two_columns_for_one_thing_are_not_guessed_between() {
        let names = [
            "商户编号",
            "商户号",
            "商户名称",
            "法人姓名",
            "身份证号",
            "手机号",
        ];
        let error = find_header(&[row(1, &names)]).unwrap_err().to_string();
        assert!(
            error.contains("商户编号") && error.contains("商户号"),
            "{error}"
        );
    }
}
