# Stage 4 of 6: one function for each row of functions.yaml, all from one bundle, and the job that calls `tick`.

locals {
  # The name a function has in the cloud begins with var.name; its row does not.
  endpoints  = yamldecode(file("${path.module}/../functions/functions.yaml")).endpoints
  on_event   = { for name, endpoint in local.endpoints : name => endpoint if can(endpoint.eventTrigger) }
  on_request = { for name, endpoint in local.endpoints : name => endpoint if can(endpoint.httpsTrigger) }
  ticking    = one([for name, endpoint in local.endpoints : name if endpoint.entryPoint == "tick"])
  # A row says `invoker: public` when the function checks its callers itself.
  public = [for name, endpoint in local.on_request : name if contains(flatten([try(endpoint.httpsTrigger.invoker, [])]), "public")]
  labels = merge(var.labels, { tachograph = var.name })

  # The same Python as the emulator runs.
  runtime = jsondecode(file("${path.module}/../firebase.json")).functions[0].runtime
  region  = coalesce(var.region, lookup({ nam5 = "us-central1", nam7 = "us-central1", eur3 = "europe-west1" }, var.location, var.location))

  bundle     = coalesce(var.bundle, "${path.module}/../build/functions.zip")
  bundle_sha = fileexists(local.bundle) ? filesha256(local.bundle) : "missing"

  # A tick visits every fleet and sweeps once an hour, so it gets 540 s and handles one request at a time.
  usual = { (local.ticking) = { concurrency = 1, max_instances = 2, timeout_seconds = 540 } }
  sizes = { for name in keys(local.endpoints) : name => {
    for what, value in {
      cpu             = var.cpu
      memory          = var.memory
      concurrency     = var.concurrency
      min_instances   = var.min_instances
      max_instances   = var.max_instances
      timeout_seconds = var.timeout_seconds
    } : what => try(coalesce(var.sizes[name][what]), local.usual[name][what], value)
  } }

  settings = {
    TACHOGRAPH_DATABASE         = var.database
    TACHOGRAPH_POLICY_SECONDS   = var.policy_seconds
    TACHOGRAPH_RETRY_SECONDS    = var.retry_seconds
    TACHOGRAPH_RUN_ENDPOINT     = var.run_endpoint
    TACHOGRAPH_TICK_ON_WRITE    = var.tick_on_write
    TACHOGRAPH_TRACE_ENDPOINT   = var.trace_endpoint
    TACHOGRAPH_TRACE_KEEP_PCT   = var.trace_keep_pct
    TACHOGRAPH_TRACE_TIMEOUT_MS = var.trace_timeout_ms
    TACHOGRAPH_TRACING          = var.tracing
  }
}

resource "google_storage_bucket" "bundles" {
  project                     = var.project
  name                        = "${var.project}-${var.name}-bundles"
  location                    = upper(local.region)
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = local.labels

  depends_on = [google_project_service.needed]
}

# The object is named by its content: an unchanged bundle changes nothing, a changed one replaces every function.
resource "google_storage_bucket_object" "bundle" {
  bucket = google_storage_bucket.bundles.name
  name   = "functions-${substr(local.bundle_sha, 0, 16)}.zip"
  source = local.bundle

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = local.bundle_sha != "missing"
      error_message = "${local.bundle}: not there; expected the functions' bundle. Build it with: make bundle"
    }
  }
}

resource "google_artifact_registry_repository" "images" {
  project       = var.project
  location      = local.region
  repository_id = var.name
  format        = "DOCKER"
  description   = "Images of the functions"
  labels        = local.labels

  # Storage costs money: images older than a month are deleted, but the five newest of each function stay.
  cleanup_policies {
    id     = "old"
    action = "DELETE"
    condition {
      older_than = "2592000s"
    }
  }
  cleanup_policies {
    id     = "newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_cloudfunctions2_function" "function" {
  for_each = local.endpoints

  project     = var.project
  location    = local.region
  name        = "${var.name}-${each.key}"
  description = "${each.value.entryPoint}, from functions.yaml"
  labels      = local.labels

  build_config {
    runtime           = local.runtime
    entry_point       = each.value.entryPoint
    service_account   = google_service_account.builder.id
    docker_repository = google_artifact_registry_repository.images.id

    source {
      storage_source {
        bucket = google_storage_bucket.bundles.name
        object = google_storage_bucket_object.bundle.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.function[each.value.entryPoint].email
    available_cpu                    = local.sizes[each.key].cpu
    available_memory                 = local.sizes[each.key].memory
    max_instance_request_concurrency = local.sizes[each.key].concurrency
    min_instance_count               = local.sizes[each.key].min_instances
    max_instance_count               = local.sizes[each.key].max_instances
    timeout_seconds                  = local.sizes[each.key].timeout_seconds
    all_traffic_on_latest_revision   = true
    # Eventarc and Cloud Scheduler call from inside; a function open to all callers checks them itself.
    ingress_settings = contains(local.public, each.key) ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"

    environment_variables = merge(var.environment, local.settings, {
      # functions-framework serves 4 requests at a time by default; further requests would wait.
      THREADS = local.sizes[each.key].concurrency
      # `tick` accepts the token of this account only. The other functions do not read the variable.
      TACHOGRAPH_TICK_CALLER = google_service_account.scheduler.email
    })
  }

  # The trigger stands here because google_eventarc_trigger cannot target a function.
  dynamic "event_trigger" {
    for_each = can(each.value.eventTrigger) ? [each.value.eventTrigger] : []
    content {
      trigger_region        = var.location # the database's, not the function's
      event_type            = event_trigger.value.eventType
      retry_policy          = event_trigger.value.retry ? "RETRY_POLICY_RETRY" : "RETRY_POLICY_DO_NOT_RETRY"
      service_account_email = google_service_account.trigger.email

      dynamic "event_filters" {
        for_each = merge(event_trigger.value.eventFilters, { database = var.database })
        content {
          attribute = event_filters.key
          value     = event_filters.value
        }
      }
      # Without the operator Eventarc takes the pattern literally, and the function never runs.
      dynamic "event_filters" {
        for_each = event_trigger.value.eventFilterPathPatterns
        content {
          attribute = event_filters.key
          value     = event_filters.value
          operator  = "match-path-pattern"
        }
      }
    }
  }

  depends_on = [
    google_firestore_database.fleets, # a trigger binds to a database that is there
    terraform_data.agents_known,
    google_project_iam_member.trigger_receives,
    google_project_iam_member.builder_logs,
    google_project_iam_member.builder_images,
    google_project_iam_member.builder_source,
  ]
}

# Cloud Scheduler calls `tick` each minute, whether or not an agent writes.
resource "google_cloud_scheduler_job" "tick" {
  project          = var.project
  region           = local.region
  name             = "${var.name}-tick"
  description      = "Publishes rollups and takes snapshots"
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.sizes[local.ticking].timeout_seconds}s"

  # No retry: the next tick is a minute away and publishes everything that this one left out.
  retry_config {
    retry_count = 0
  }

  http_target {
    uri         = google_cloudfunctions2_function.function[local.ticking].service_config[0].uri
    http_method = "POST"

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.function[local.ticking].service_config[0].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.scheduler_invokes]
}
