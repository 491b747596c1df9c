# 6 What ticks: each minute, whether or not anybody writes.

resource "google_cloud_scheduler_job" "tick" {
  project          = var.project
  region           = local.region
  name             = "${var.name}-tick"
  description      = "Publishes rollups and takes snapshots"
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.sizes[local.ticking].timeout_seconds}s"

  # The next tick is a minute away, and takes up what this one left.
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
