# Every row of functions.yaml stands in the cloud, and what it needs stands with it.

variables {
  project = "offline-project"
  bundle  = "../functions/functions.yaml" # any file: a plan looks at its hash alone
}

run "every_endpoint_has_a_function" {
  command = plan

  assert {
    condition = toset(keys(google_cloudfunctions2_function.function)) == toset(
    keys(yamldecode(file("../functions/functions.yaml")).endpoints))
    error_message = "functions.yaml and the functions differ: ${join(", ", keys(google_cloudfunctions2_function.function))}"
  }

  assert {
    condition = alltrue([
      for name, endpoint in yamldecode(file("../functions/functions.yaml")).endpoints :
      google_cloudfunctions2_function.function[name].build_config[0].entry_point == endpoint.entryPoint
    ])
    error_message = "a function has another entry point than its row"
  }

  assert {
    condition = alltrue([
      for function in google_cloudfunctions2_function.function :
      function.service_config[0].environment_variables.THREADS == tostring(function.service_config[0].max_instance_request_concurrency)
    ])
    error_message = "a function is sent more requests than it has threads, or fewer"
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : length(function.name) <= 63])
    error_message = "a function's name is longer than the 63 that Cloud Run takes"
  }
}

run "every_event_has_a_trigger_that_matches_paths_and_retries" {
  command = plan

  assert {
    condition = alltrue([
      for name, endpoint in yamldecode(file("../functions/functions.yaml")).endpoints :
      length(google_cloudfunctions2_function.function[name].event_trigger) == (can(endpoint.eventTrigger) ? 1 : 0)
    ])
    error_message = "a row with an event has no trigger, or one without has"
  }

  assert {
    condition = alltrue(flatten([
      for name, endpoint in yamldecode(file("../functions/functions.yaml")).endpoints : [
        for attribute, pattern in endpoint.eventTrigger.eventFilterPathPatterns : contains([
          for filter in google_cloudfunctions2_function.function[name].event_trigger[0].event_filters :
          "${filter.attribute} ${filter.value} ${coalesce(filter.operator, "-")}"
        ], "${attribute} ${pattern} match-path-pattern")
      ] if can(endpoint.eventTrigger)
    ]))
    error_message = "a trigger lacks its path pattern, or the operator without which it never fires"
  }

  assert {
    condition = alltrue([
      for function in google_cloudfunctions2_function.function :
      alltrue([for trigger in function.event_trigger : trigger.retry_policy == "RETRY_POLICY_RETRY"])
    ])
    error_message = "a trigger does not retry: its first error would lose the event"
  }

  assert {
    condition = alltrue(flatten([
      for function in google_cloudfunctions2_function.function : [
        for trigger in function.event_trigger : [
          trigger.event_type == "google.cloud.firestore.document.v1.written",
          trigger.trigger_region == "us-central1",
          anytrue([for filter in trigger.event_filters : filter.attribute == "database" && filter.value == "(default)"]),
        ]
      ]
    ]))
    error_message = "a trigger listens to something else than writes of this database"
  }
}

run "triggers_are_where_the_database_is" {
  command = plan

  variables {
    location = "eur3"
    database = "telemetry"
  }

  assert {
    condition     = google_firestore_database.fleets.location_id == "eur3" && google_firestore_database.fleets.name == "telemetry"
    error_message = "the database is not where it was asked for"
  }

  assert {
    condition = alltrue([
      for function in google_cloudfunctions2_function.function :
      function.location == "europe-west1" && alltrue([for trigger in function.event_trigger : trigger.trigger_region == "eur3"])
    ])
    error_message = "functions run in a region of the multi-region, their triggers in the multi-region itself"
  }

  assert {
    condition = alltrue(flatten([
      for function in google_cloudfunctions2_function.function : concat(
        [function.service_config[0].environment_variables.TACHOGRAPH_DATABASE == "telemetry"],
        [for trigger in function.event_trigger : anytrue([for filter in trigger.event_filters : filter.attribute == "database" && filter.value == "telemetry"])],
      )
    ]))
    error_message = "a function works with another database than its trigger listens to"
  }

  assert {
    condition     = google_firebaserules_release.firestore.name == "cloud.firestore/telemetry"
    error_message = "the rules are released for another database"
  }
}

run "one_function_can_be_sized_by_itself" {
  command = plan

  variables {
    concurrency = 32
    sizes       = { roll-up-tasks = { max_instances = 200, memory = "1Gi" } }
  }

  assert {
    condition = alltrue([
      google_cloudfunctions2_function.function["roll-up-tasks"].service_config[0].max_instance_count == 200,
      google_cloudfunctions2_function.function["roll-up-tasks"].service_config[0].available_memory == "1Gi",
      google_cloudfunctions2_function.function["roll-up-tasks"].service_config[0].max_instance_request_concurrency == 32,
      google_cloudfunctions2_function.function["roll-up-sessions"].service_config[0].max_instance_count == 20,
      google_cloudfunctions2_function.function["tick"].service_config[0].max_instance_request_concurrency == 1,
    ])
    error_message = "sizes did not reach the function they name, or reached another"
  }
}

run "what_is_retained_indexed_and_exempted_is_what_the_emulator_reads" {
  command = plan

  assert {
    condition     = length(google_firestore_index.composite) == length(jsondecode(file("../rules/firestore.indexes.json")).indexes)
    error_message = "two indexes have one key, or one is missing"
  }

  assert {
    condition     = length(google_firestore_field.override) == length(jsondecode(file("../rules/firestore.indexes.json")).fieldOverrides)
    error_message = "two field overrides have one key, or one is missing"
  }

  assert {
    condition = alltrue([
      for field in jsondecode(file("../rules/firestore.indexes.json")).fieldOverrides :
      length(google_firestore_field.override["${field.collectionGroup}.${field.fieldPath}"].ttl_config) == (try(field.ttl, false) ? 1 : 0)
      && length(google_firestore_field.override["${field.collectionGroup}.${field.fieldPath}"].index_config) == 1
      && length(google_firestore_field.override["${field.collectionGroup}.${field.fieldPath}"].index_config[0].indexes) == length(field.indexes)
    ])
    error_message = "a field is indexed, or retained, otherwise than firestore.indexes.json says"
  }

  assert {
    condition     = google_firebaserules_ruleset.firestore.source[0].files[0].content == file("../rules/firestore.rules")
    error_message = "the rules are not those of rules/firestore.rules"
  }
}

run "the_scheduler_ticks_each_minute_under_its_own_name" {
  command = plan

  assert {
    condition     = google_cloud_scheduler_job.tick.schedule == "* * * * *" && length(google_cloud_scheduler_job.tick.http_target[0].oidc_token) == 1
    error_message = "tick is not called each minute with a token"
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.scheduler_invokes.name == "tachograph-tick" && google_cloud_run_v2_service_iam_member.scheduler_invokes.role == "roles/run.invoker"
    error_message = "the scheduler may not call tick, or may call something else"
  }
}
