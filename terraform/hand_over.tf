# Stage 5 of 6: the optional Cloud Run Job that a successor runs in. A fleet names it in its rotation policy
# (`job`); `hand_over` starts it with the task and the predecessor as overrides.

locals {
  with_job  = var.hand_over_image != null
  launchers = toset([for entry_point in local.entry_points : entry_point if entry_point == "hand_over"])
}

# A successor is an agent: it signs in with a token of its fleet like any other. Its service account has no
# role. Grant it the roles that your agents need (a bucket of journals, a secret).
resource "google_service_account" "successor" {
  count = local.with_job ? 1 : 0

  project      = var.project
  account_id   = "${var.name}-successor"
  display_name = "Tachograph successor"
  description  = "Runs the hand-over job."

  depends_on = [google_project_service.needed]
}

resource "google_cloud_run_v2_job" "successor" {
  count = local.with_job ? 1 : 0

  project             = var.project
  location            = local.region
  name                = "${var.name}-successor"
  labels              = local.labels
  deletion_protection = false # the job holds nothing that this file does not define

  template {
    template {
      service_account = google_service_account.successor[0].email
      timeout         = "${var.hand_over_timeout_seconds}s"
      max_retries     = 0 # no retry here: `hand_over` decides whether another successor is started

      containers {
        image = var.hand_over_image
        resources {
          limits = { cpu = var.hand_over_cpu, memory = var.hand_over_memory }
        }
      }
    }
  }

  depends_on = [google_project_service.needed]
}

# Only the hand-over account may run the job, with the overrides that name the task.
resource "google_cloud_run_v2_job_iam_member" "launcher" {
  for_each = local.with_job ? local.launchers : []

  project  = var.project
  location = local.region
  name     = google_cloud_run_v2_job.successor[0].name
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = google_service_account.function[each.key].member
}
