# Stage 6 of 6: the alerts of the installation. docs/operations.md says what to do about each.

locals {
  our_services      = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = starts_with(\"${var.name}-\")"
  our_subscriptions = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = starts_with(\"eventarc-${var.location}-${var.name}-\")"
  oldest_event      = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${local.our_subscriptions}"
  guide             = "docs/operations.md"

  thresholds = {
    "events-fail" = {
      says      = "Functions answer events with errors"
      severity  = "WARNING"
      filter    = "metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\" AND ${local.our_services}"
      above     = 5
      for       = "600s"
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      by        = ["resource.label.service_name"]
      documents = "Events are being delivered again and again; nothing is lost for 24 hours."
    }
    "events-wait" = {
      says      = "Events wait for more than 10 minutes"
      severity  = "ERROR"
      filter    = local.oldest_event
      above     = 600
      for       = "300s"
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_MAX"
      by        = ["resource.label.subscription_id"]
      documents = "Rollups are behind; nothing is lost for 24 hours."
    }
    "events-expire" = {
      says      = "Events have waited for 6 of their 24 hours"
      severity  = "CRITICAL"
      filter    = local.oldest_event
      above     = 21600
      for       = "300s"
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_MAX"
      by        = ["resource.label.subscription_id"]
      documents = "At 24 hours Pub/Sub drops them. The sweep counts them then, a day later."
    }
  }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = local.thresholds

  project               = var.project
  display_name          = "${var.name}: ${each.value.says}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.says
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = each.value.for
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
        group_by_fields      = each.value.by
      }
    }
  }

  documentation {
    content   = "${each.value.documents} What to do: ${local.guide}#${each.key}"
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

# An uptime check cannot call `tick`, because only the scheduler may. So this alert watches its successes.
resource "google_monitoring_alert_policy" "tick_silent" {
  project               = var.project
  display_name          = "${var.name}: No tick has succeeded for 5 minutes"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = "No tick has succeeded for 5 minutes"
    condition_absent {
      filter   = "metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"2xx\" AND resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}-${local.ticking}\""
      duration = "300s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "Dashboards stand still. What to do: ${local.guide}#tick-silent"
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

# A function lets an event go when a retry cannot fix it. The event does not come again, so a person must look.
resource "google_monitoring_alert_policy" "events_let_go" {
  project               = var.project
  display_name          = "${var.name}: An event could not be counted"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = var.alert_channels
  user_labels           = local.labels

  conditions {
    display_name = "A function let an event go"
    condition_matched_log {
      filter = join(" ", [
        "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^${var.name}-\" AND (",
        join(" OR ", flatten([for words in local.lets_go : ["textPayload:\"${words}\"", "jsonPayload.message:\"${words}\""]])),
        ")",
      ])
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    content   = "The log says which and why; so does rejected/ in the fleet. What to do: ${local.guide}#events-let-go"
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

locals {
  # The words that functions/main.py logs; a test compares the two.
  lets_go = ["let go: ", "Firestore refuses its counters"]
}
