//! The description of the live tables: paths and schemas of each, made when the hub starts.

use rowcast_protocol::{ColumnSchema, ColumnType, TableSchema};
use serde_json::{Map, Value, json};

use self::{
    log::{edits, entries, undo},
    parts::{
        answer, body, changed, component, header, idempotency, if_match, needs, page, parameter_of,
        put, query, reference, responses, tagged,
    },
    schemas::path_value,
};

mod log;
mod parts;
mod schemas;

pub(super) use schemas::schemas;

/// Paths of all live tables, to be added to those of the code.
pub(super) fn paths(tables: &[TableSchema]) -> Map<String, Value> {
    let mut paths = Map::new();
    for table in tables {
        let described = Described { table };
        let base = format!("/api/v1/channels/{}/{}", table.channel, table.name);
        paths.insert(base.clone(), described.rows());
        paths.insert(format!("{base}/{{key}}"), described.row());
        paths.insert(format!("{base}/{{key}}/history"), described.history());
    }
    paths.insert("/api/v1/channels/{channel}/edits".to_owned(), edits());
    paths.insert("/api/v1/channels/{channel}/entries".to_owned(), entries());
    paths.insert("/api/v1/channels/{channel}/entries/{seq}/undo".to_owned(), undo());
    paths
}

/// One table on its way into the document.
struct Described<'a> {
    table: &'a TableSchema,
}

impl Described<'_> {
    fn rows(&self) -> Value {
        let mut item = json!({
            "parameters": [self.channel_parameter()],
            "get": {
                "tags": [self.table.name],
                "operationId": format!("list_{}", self.id()),
                "summary": format!("Rows of {}", self.table.name),
                "description": FILTERS,
                "parameters": self.list_parameters(),
                "responses": responses(json!({"200": answer("Rows, in order", &page(&self.schema()))}),
                    &["400", "404", "422"]),
            },
        });
        if let Some(role) = self.table.insert {
            let operation = json!({
                "tags": [self.table.name],
                "operationId": format!("insert_{}", self.id()),
                "summary": format!("Add a row to {}", self.table.name),
                "description": needs(role),
                "parameters": [idempotency()],
                "requestBody": body(&self.fields()),
                "responses": responses(json!({
                        "201": tagged("The new row", &self.schema()),
                        "204": { "description": "It was added, and a trigger put it elsewhere" },
                    }),
                    &["400", "403", "404", "409", "413", "415", "422"]),
            });
            put(&mut item, "post", operation);
        }
        item
    }

    fn row(&self) -> Value {
        let mut item = json!({
            "parameters": [self.channel_parameter(), self.key_parameter()],
            "get": {
                "tags": [self.table.name],
                "operationId": format!("read_{}", self.id()),
                "summary": format!("One row of {}", self.table.name),
                "parameters": [header("If-None-Match", "304 if the row has one of these tags")],
                "responses": responses(json!({
                    "200": tagged("The row", &self.schema()),
                    "304": {"description": "The row has the tag that the client knows"},
                }), &["400", "404", "422"]),
            },
        });
        if let Some(role) = self.table.update {
            let operation = json!({
                "tags": [self.table.name],
                "operationId": format!("update_{}", self.id()),
                "summary": format!("Change fields of a row of {}", self.table.name),
                "description": needs(role),
                "parameters": [if_match(), idempotency()],
                "requestBody": body(&self.fields()),
                "responses": changed(json!({"200": tagged("The row as it is now", &self.schema())})),
            });
            put(&mut item, "patch", operation);
        }
        if let Some(role) = self.table.delete {
            let operation = json!({
                "tags": [self.table.name],
                "operationId": format!("delete_{}", self.id()),
                "summary": format!("Remove a row of {}", self.table.name),
                "description": needs(role),
                "parameters": [if_match(), idempotency()],
                "responses": changed(json!({"204": {"description": "Done"}})),
            });
            put(&mut item, "delete", operation);
        }
        item
    }

    fn history(&self) -> Value {
        let schema = json!({
            "type": "object",
            "required": ["items", "more"],
            "properties": {
                "items": {"type": "array", "items": reference("change")},
                "more": {"type": "boolean"},
                "next": {"type": "integer", "description": "Where there may be more: go on with it as `before`"},
            },
        });
        json!({
            "parameters": [self.channel_parameter(), self.key_parameter()],
            "get": {
                "tags": [self.table.name],
                "operationId": format!("history_{}", self.id()),
                "summary": format!("The past of a row of {}, newest first", self.table.name),
                "parameters": [
                    query("before", "Changes before this entry",
                        &json!({"type": "integer", "minimum": 0})),
                    query("limit", "How many",
                        &json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 50})),
                ],
                "responses": responses(json!({"200": answer("Changes", &schema)}),
                    &["400", "404", "422"]),
            },
        })
    }

    /// The table's name where identifiers are wanted.
    fn id(&self) -> String {
        self.table.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    }

    fn schema(&self) -> Value {
        reference(&component(&self.table.name))
    }

    fn fields(&self) -> Value {
        reference(&format!("{}.fields", component(&self.table.name)))
    }

    /// The parameter within the channel's name.
    fn channel_parameter(&self) -> Value {
        let name = parameter_of(&self.table.channel);
        let column = self.table.columns.iter().find(|column| column.name == name);
        let kind = column.map_or(ColumnType::Text, |column| column.kind);
        json!({"name": name, "in": "path", "required": true, "schema": path_value(kind),
            "description": format!("The id in the channel's name, `{}`", self.table.channel)})
    }

    fn key_parameter(&self) -> Value {
        let columns: Vec<&ColumnSchema> = self.key_columns().collect();
        let schema = match columns.as_slice() {
            [one] => path_value(one.kind),
            _ => json!({"type": "string", "minLength": 1}),
        };
        let words = format!("The row's key: {}, with commas between", self.table.key.join(", "));
        json!({"name": "key", "in": "path", "required": true, "schema": schema,
            "description": words})
    }

    fn key_columns(&self) -> impl Iterator<Item = &ColumnSchema> {
        let column = |name: &String| self.table.columns.iter().find(|column| column.name == *name);
        self.table.key.iter().filter_map(column)
    }

    fn list_parameters(&self) -> Vec<Value> {
        let text = json!({"type": "string"});
        let number =
            |least: u32, most: u32| json!({"type": "integer", "minimum": least, "maximum": most});
        let mut parameters = vec![
            query("sort", "Fields, `-` for descending: `-created_at,id`", &text),
            query("fields", "The fields of the answer, with commas between", &text),
            query(
                "limit",
                "Rows of a page, 100 unless told; large rows make it shorter",
                &number(1, 1000),
            ),
            query("cursor", "`next` of the page before", &text),
            query("offset", "Rows to skip, instead of a cursor", &number(0, 100_000)),
            query("total", "Whether to count all rows", &json!({"type": "boolean"})),
        ];
        let compared =
            |column: &&ColumnSchema| !matches!(column.kind, ColumnType::Json | ColumnType::List);
        for column in self.table.columns.iter().filter(compared) {
            let words = format!("Rows whose `{}` is this", column.name);
            parameters.push(query(&column.name, &words, &path_value(column.kind)));
        }
        parameters
    }
}

const FILTERS: &str = "Filters: `field=value`, or with an operator `field.ne=`, `.lt=`, `.lte=`, \
    `.gt=`, `.gte=`, `.in=a,b`, `.contains=` (text: has this in it, A to Z in either case; a list: \
    has this item), `.null=true|false`. Rows without a value come last.";
