# 7 What takes over: the job that a successor runs in, if there is one. Fleets name it in their
# policy; `hand_over` starts it with the task and the predecessor as overrides.

locals {
  with_job  = var.hand_over_image != null
  launchers = toset([for entry_point in local.entry_points : entry_point if entry_point == "hand_over"])
}

# A successor is an agent: it signs in with a token of its fleet like any other, and as a service
# account may do nothing. Grant it what your agents need (a bucket of journals, a secret).
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
  deletion_protection = false # nothing is in it that this file does not say

  template {
    template {
      service_account = google_service_account.successor[0].email
      timeout         = "${var.hand_over_timeout_seconds}s"
      max_retries     = 0 # a successor that fails is a task that fails; another signal may follow

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

# The hand-over account, and no other, may run the job, with the overrides that name the task.
resource "google_cloud_run_v2_job_iam_member" "launcher" {
  for_each = local.with_job ? local.launchers : []

  project  = var.project
  location = local.region
  name     = google_cloud_run_v2_job.successor[0].name
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = google_service_account.function[each.key].member
}
