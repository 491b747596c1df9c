# What may go wrong is held by something: data, identities, alerts.

variables {
  project = "offline-project"
  bundle  = "../functions/functions.yaml"
}

run "the_database_cannot_be_deleted_and_can_be_wound_back" {
  command = plan

  assert {
    condition     = google_firestore_database.fleets.delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.fleets.deletion_policy == "ABANDON"
    error_message = "the database is not protected from deletion"
  }

  assert {
    condition     = google_firestore_database.fleets.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "the database has no point-in-time recovery"
  }

  assert {
    condition     = google_firestore_database.fleets.type == "FIRESTORE_NATIVE" && google_firestore_database.fleets.database_edition == "STANDARD"
    error_message = "the database is of another kind than the triggers and prices are for"
  }

  assert {
    condition     = length(google_firestore_backup_schedule.daily) == 0
    error_message = "backups are paid for that nobody asked for"
  }
}

run "backups_are_kept_as_long_as_asked" {
  command = plan

  variables {
    backup_days = 14
  }

  assert {
    condition     = google_firestore_backup_schedule.daily[0].retention == "1209600s"
    error_message = "backups are not kept for 14 days"
  }
}

run "no_account_holds_a_basic_role" {
  command = plan

  variables {
    hand_over_image = "us-docker.pkg.dev/p/r/agent:1"
  }

  assert {
    condition = alltrue([
      for role in concat(
        [for member in google_project_iam_member.function_documents : member.role],
        [for member in google_project_iam_member.function_spans : member.role],
        [
          google_project_iam_member.builder_logs.role, google_project_iam_member.builder_images.role,
          google_project_iam_member.builder_source.role, google_project_iam_member.trigger_receives.role,
          google_project_iam_member.eventarc_agent.role,
        ],
        [for member in google_cloud_run_v2_service_iam_member.trigger_invokes : member.role],
        [for member in google_cloud_run_v2_job_iam_member.launcher : member.role],
      ) : !can(regex("(owner|editor|viewer|admin)$", lower(role))) || role == "roles/storage.objectViewer"
    ])
    error_message = "an account holds a basic or an administrator's role"
  }

  assert {
    condition = alltrue([
      for member in google_project_iam_member.function_documents :
      member.role == "roles/datastore.user" && member.condition[0].expression == "resource.name == \"projects/offline-project/databases/(default)\""
    ])
    error_message = "a function may write to other databases of the project"
  }

  assert {
    condition     = toset(keys(google_service_account.function)) == toset([for endpoint in yamldecode(file("../functions/functions.yaml")).endpoints : endpoint.entryPoint])
    error_message = "two stages share an account"
  }

  assert {
    condition     = alltrue([for account in google_service_account.function : can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", account.account_id))])
    error_message = "an account's id is not one that IAM takes: 6 to 30 letters, digits and hyphens"
  }
}

run "nobody_from_outside_invokes_a_function_that_does_not_say_so" {
  command = plan

  assert {
    condition = alltrue([
      for name, endpoint in yamldecode(file("../functions/functions.yaml")).endpoints :
      contains(keys(google_cloud_run_v2_service_iam_member.anybody_invokes), name) == contains(flatten([try(endpoint.httpsTrigger.invoker, [])]), "public")
    ])
    error_message = "a function is open to everybody that does not say `invoker: public`, or closed that does"
  }

  assert {
    condition     = google_cloudfunctions2_function.function["tick"].service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
    error_message = "tick can be reached from the internet"
  }

  assert {
    condition = toset(keys(google_cloud_run_v2_service_iam_member.trigger_invokes)) == toset([
      for name, endpoint in yamldecode(file("../functions/functions.yaml")).endpoints : name if can(endpoint.eventTrigger)
    ])
    error_message = "the trigger account may call what no event calls, or not call what one does"
  }
}

run "without_an_image_there_is_no_job" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_job.successor) == 0 && length(google_cloud_run_v2_job_iam_member.launcher) == 0
    error_message = "a job stands that nobody asked for"
  }
}

run "only_the_hand_over_account_may_run_the_job" {
  command = plan

  variables {
    hand_over_image = "us-docker.pkg.dev/p/r/agent:1"
  }

  assert {
    condition     = toset(keys(google_cloud_run_v2_job_iam_member.launcher)) == toset(["hand_over"])
    error_message = "another account than hand_over's may run the job: ${join(", ", keys(google_cloud_run_v2_job_iam_member.launcher))}"
  }

  assert {
    condition     = google_cloud_run_v2_job_iam_member.launcher["hand_over"].role == "roles/run.jobsExecutorWithOverrides"
    error_message = "the hand-over account may do something else with the job than run it"
  }

  assert {
    condition     = output.hand_over_job == "projects/offline-project/locations/us-central1/jobs/tachograph-successor"
    error_message = "the job's name is not one that a fleet's policy takes"
  }
}

run "every_alert_reaches_somebody_and_says_what_to_do" {
  command = plan

  variables {
    alert_channels = ["projects/offline-project/notificationChannels/1"]
  }

  assert {
    condition = alltrue([
      for policy in concat(values(google_monitoring_alert_policy.threshold), [google_monitoring_alert_policy.tick_silent, google_monitoring_alert_policy.events_let_go]) :
      policy.notification_channels == tolist(["projects/offline-project/notificationChannels/1"])
      && can(regex("docs/operations.md#[a-z-]+$", policy.documentation[0].content))
      && alltrue([for condition in policy.conditions : length(condition.display_name) > 0])
    ])
    error_message = "an alert goes nowhere, or does not say what to do"
  }

  assert {
    condition     = toset(keys(google_monitoring_alert_policy.threshold)) == toset(["events-fail", "events-wait", "events-expire"])
    error_message = "trigger failure or backlog is not watched"
  }
}
