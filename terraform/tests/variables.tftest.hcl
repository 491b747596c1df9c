# What is refused is refused by name, before anything is made.

variables {
  project = "offline-project"
  bundle  = "../functions/functions.yaml"
}

run "a_project_number_is_no_project_id" {
  command = plan
  variables {
    project = "123456789012"
  }
  expect_failures = [var.project]
}

run "a_country_is_no_location" {
  command = plan
  variables {
    location = "germany"
  }
  expect_failures = [var.location]
}

run "functions_run_in_no_multi_region" {
  command = plan
  variables {
    region = "nam5"
  }
  expect_failures = [var.region]
}

run "a_long_name_leaves_no_room_for_the_accounts" {
  command = plan
  variables {
    name = "tachograph-production"
  }
  expect_failures = [var.name]
}

run "a_database_name_in_capitals" {
  command = plan
  variables {
    database = "Telemetry"
  }
  expect_failures = [var.database]
}

run "half_a_second_of_policy" {
  command = plan
  variables {
    policy_seconds = 0.5
  }
  expect_failures = [var.policy_seconds]
}

run "retrying_for_longer_than_an_event_may_take" {
  command = plan
  variables {
    retry_seconds   = 60
    timeout_seconds = 60
  }
  expect_failures = [var.retry_seconds]
}

run "spans_that_go_nowhere" {
  command = plan
  variables {
    tracing = "otlp"
  }
  expect_failures = [var.tracing]
}

run "spans_kept_in_all_of_no_percent" {
  command = plan
  variables {
    trace_keep_pct = 0
  }
  expect_failures = [var.trace_keep_pct]
}

run "no_time_for_spans" {
  command = plan
  variables {
    trace_timeout_ms = 0
  }
  expect_failures = [var.trace_timeout_ms]
}

run "a_setting_by_the_back_door" {
  command = plan
  variables {
    environment = { TACHOGRAPH_DATABASE = "other" }
  }
  expect_failures = [var.environment]
}

run "half_a_cpu_serves_one_request" {
  command = plan
  variables {
    cpu = "0.5"
  }
  expect_failures = [var.cpu]
}

run "memory_without_a_unit" {
  command = plan
  variables {
    memory = "512"
  }
  expect_failures = [var.memory]
}

run "no_concurrency" {
  command = plan
  variables {
    concurrency = 0
  }
  expect_failures = [var.concurrency]
}

run "more_kept_warm_than_there_may_be" {
  command = plan
  variables {
    min_instances = 30
  }
  expect_failures = [var.min_instances]
}

run "no_instances" {
  command = plan
  variables {
    max_instances = 0
  }
  expect_failures = [var.max_instances]
}

run "an_event_that_takes_an_hour" {
  command = plan
  variables {
    timeout_seconds = 3600
  }
  expect_failures = [var.timeout_seconds]
}

run "a_size_for_a_function_that_is_not_there" {
  command = plan
  variables {
    sizes = { roll-up = { memory = "1Gi" } }
  }
  expect_failures = [var.sizes]
}

run "backups_for_longer_than_firestore_keeps_them" {
  command = plan
  variables {
    backup_days = 365
  }
  expect_failures = [var.backup_days]
}

run "an_image_without_a_tag" {
  command = plan
  variables {
    hand_over_image = "us-docker.pkg.dev/p/r/agent"
  }
  expect_failures = [var.hand_over_image]
}

run "a_successor_that_runs_for_a_month" {
  command = plan
  variables {
    hand_over_timeout_seconds = 2592000
  }
  expect_failures = [var.hand_over_timeout_seconds]
}

run "an_address_is_no_channel" {
  command = plan
  variables {
    alert_channels = ["you@example.com"]
  }
  expect_failures = [var.alert_channels]
}

run "waiting_for_less_than_nothing" {
  command = plan
  variables {
    propagation_seconds = -1
  }
  expect_failures = [var.propagation_seconds]
}

run "a_bundle_that_is_not_built" {
  command = plan
  variables {
    bundle = "nowhere.zip"
  }
  expect_failures = [google_storage_bucket_object.bundle]
}
