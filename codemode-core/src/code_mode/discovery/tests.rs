//! Pages, ranking and near names, over a catalog of a few tools.

use super::*;

fn discovery() -> Discovery {
    let tool = |name: &str, description: &str| {
        let input = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
        Tool::from_schema(name, description, input, None, |_, _| async { Ok(Value::Null) }).lazy()
    };
    let tools = [
        tool("listInvoices", "All invoices of a customer."),
        tool("get_customer", "Finds one customer."),
        tool("send-mail", "Sends an invoice, or any other text, by mail."),
        tool("deleteCustomer", "Removes a customer for good."),
    ];
    let functions = codemode_typescript::names::assign_names(tools.iter().map(Tool::name));
    Discovery::new(tools.into_iter().zip(functions.into_iter().map(Arc::from)))
}

fn found(query: &str, limit: usize, offset: usize) -> (Vec<String>, Value) {
    let answer = discovery().search(query, limit, offset);
    let names = answer["tools"].as_array().expect("a list").iter();
    (names.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect(), answer)
}

#[test]
fn names_come_before_descriptions_and_styles_do_not_matter() {
    let all = |query: &str| found(query, 10, 0).0;
    assert_eq!(all("invoice"), ["external_listInvoices", "external_send_mail"]);
    assert_eq!(all("customers"), ["external_get_customer", "external_deleteCustomer", "external_listInvoices"]);
    assert_eq!(all("getCustomer"), ["external_get_customer", "external_deleteCustomer", "external_listInvoices"]);
    assert_eq!(all("delete the customer")[0], "external_deleteCustomer");
    assert_eq!(all("cust").len(), 3);
    assert_eq!(all("weather"), Vec::<String>::new());
    assert_eq!(all("").len(), 4);
}

#[test]
fn a_rare_word_says_more_than_a_common_one_and_plurals_are_the_same_word() {
    let tool = |name: &str, description: &str| {
        Tool::from_schema(name, description, json!({ "type": "object" }), None, |_, _| async { Ok(Value::Null) })
    };
    let tools = [
        tool("files/list_directory", "Lists what is in a folder"),
        tool("files/list_queries", "Lists searches for files"),
        tool("files/list_boxes", "Lists mailboxes of files"),
        tool("mail/send", "Sends a mail with files attached"),
    ];
    let functions = codemode_typescript::names::assign_names(tools.iter().map(Tool::name));
    let discovery = Discovery::new(tools.into_iter().zip(functions.into_iter().map(Arc::from)));
    let first = |query: &str| {
        let answer = discovery.search(query, 10, 0);
        answer["tools"][0]["name"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(first("list files mails"), "external_mail_send");
    assert_eq!(first("directories"), "external_files_list_directory");
    assert_eq!(first("query"), "external_files_list_queries");
    assert_eq!(first("box"), "external_files_list_boxes");
    assert_eq!(first("teleport"), "");
}

#[test]
fn tools_without_a_line_are_counted_by_what_they_belong_to() {
    let names = ["mail/send", "crm/find", "crm/list", "plain", "*/ evil/b/c", "crm/add"];
    assert_eq!(families(&names), ": external_mail_* (1), external_crm_* (3), external____evil_b_* (1)");
    assert_eq!(families(&["plain"]), "");
}

#[test]
fn what_is_too_long_for_one_answer_comes_in_several() {
    let properties = (0..700).map(|n| (format!("property{n}"), json!({ "type": "string" })));
    let input = json!({ "type": "object", "properties": properties.collect::<serde_json::Map<_, _>>() });
    let tool = |n: usize| {
        let name = format!("tool{n}");
        Tool::from_schema(name, "Many fields.", input.clone(), None, |_, _| async { Ok(Value::Null) })
    };
    let tools: Vec<Tool> = (0..3).map(tool).collect();
    let functions = codemode_typescript::names::assign_names(tools.iter().map(Tool::name));
    let discovery = Discovery::new(tools.into_iter().zip(functions.into_iter().map(Arc::from)));
    let one = discovery.search("", 1, 0)["tools"][0]["declaration"].as_str().map_or(0, str::len);
    assert!(one > 0 && 3 * one > MAX_PAGE_BYTES && 2 * one < MAX_PAGE_BYTES, "{one}");
    let page = discovery.search("", 10, 0);
    assert_eq!((page["tools"].as_array().map(Vec::len), &page["nextOffset"]), (Some(2), &json!(2)));
    let named = discovery.discover(&json!({ "toolNames": ["tool0", "tool1", "tool2"] }));
    assert_eq!((named["tools"].as_array().map(Vec::len), &named["left"]), (Some(2), &json!(["tool2"])));
}

#[test]
fn a_search_has_pages() {
    let (names, answer) = found("customer", 2, 0);
    assert_eq!((names.len(), &answer["total"], &answer["nextOffset"]), (2, &json!(3), &json!(2)));
    let (names, answer) = found("customer", 2, 2);
    assert_eq!((names.len(), &answer["nextOffset"]), (1, &Value::Null));
    assert_eq!(found("customer", 2, 99).0.len(), 0);
}

#[test]
fn discovery_gives_declarations_and_near_names() {
    let answer = discovery().discover(&json!({ "toolNames": ["external_get_customer", "send-mail", "getCustomr"] }));
    assert_eq!(
        answer,
        json!({
            "tools": [
                { "name": "external_get_customer", "declaration": "/** Finds one customer. @returns unknown */\ndeclare function external_get_customer(input?: { id?: string }): Promise<unknown>;" },
                { "name": "external_send_mail", "declaration": "/** Sends an invoice, or any other text, by mail. @returns unknown */\ndeclare function external_send_mail(input?: { id?: string }): Promise<unknown>;" }
            ],
            "unknown": [{ "name": "getCustomr", "hint": "did you mean external_get_customer?" }]
        })
    );
    assert!(discovery().discover(&json!({}))["error"].is_string());
    assert!(discovery().answer_search(&json!({ "query": 5 }))["error"].is_string());
}
