# The notification channel of every alert (an e-mail address) and a budget for the project.
#
# This module is separate because a budget belongs to the billing account, which people who may deploy into
# a project often may not change. `make deploy EMAIL=you@example.com` applies it first and passes its channel
# on as alert_channels. Without BUDGET= it creates only the channel.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45.0"
    }
  }
}

variable "project" {
  description = "The id of the Google Cloud project."
  type        = string
}

variable "email" {
  description = "The e-mail address that gets the alerts."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+[.][^@ ]+$", var.email))
    error_message = "email is \"${var.email}\"; expected an address such as you@example.com"
  }
}

variable "budget" {
  description = "The project's budget a month, in whole units of the billing account's currency. With 0 there is no budget."
  type        = number
  default     = 0

  validation {
    condition     = var.budget >= 0 && floor(var.budget) == var.budget
    error_message = "budget is ${var.budget}; expected a whole number, such as 50; 0 for no budget"
  }
}

variable "billing_account" {
  description = "The billing account of the budget, such as 012345-6789AB-CDEF01."
  type        = string
  default     = null

  validation {
    condition     = var.budget == 0 || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account is \"${coalesce(var.billing_account, "null")}\"; expected an id such as 012345-6789AB-CDEF01. Find it with: gcloud billing projects describe ${var.project}"
  }
}

# Budgets are charged to a project's quota; with a person's credentials it must be named.
provider "google" {
  project               = var.project
  billing_project       = var.project
  user_project_override = true
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "needed" {
  for_each = toset(concat(["monitoring.googleapis.com"], var.budget > 0 ? ["billingbudgets.googleapis.com"] : []))

  project            = var.project
  service            = each.key
  disable_on_destroy = false
}

resource "google_monitoring_notification_channel" "email" {
  project      = var.project
  display_name = "Tachograph: ${var.email}"
  type         = "email"
  labels       = { email_address = var.email }

  depends_on = [google_project_service.needed]
}

resource "google_billing_budget" "project" {
  count = var.budget > 0 ? 1 : 0

  billing_account = var.billing_account
  display_name    = "Tachograph in ${var.project}"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }

  # A mail at 50 %, at 90 %, and when the month's forecast exceeds the budget.
  threshold_rules {
    threshold_percent = 0.5
  }
  threshold_rules {
    threshold_percent = 0.9
  }
  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.email.id]
  }

  depends_on = [google_project_service.needed]
}

output "alert_channels" {
  description = "The value of alert_channels for the main module."
  value       = [google_monitoring_notification_channel.email.id]
}
