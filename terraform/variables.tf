# Only `project` is required. Every other variable has a default that suits a fleet of some hundred agents.

variable "project" {
  description = "The id of the Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is \"${var.project}\"; expected a project's id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. List yours with: gcloud projects list"
  }
}

variable "location" {
  description = "The database's location: a region, or a multi-region (nam5, nam7, eur3). It cannot be changed afterwards."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^(nam5|nam7|eur3|[a-z]+-[a-z]+[0-9]+)$", var.location))
    error_message = "location is \"${var.location}\"; expected a region such as us-central1, or one of nam5, nam7, eur3. List them with: gcloud firestore locations list"
  }
}

variable "region" {
  description = "The functions' region. The default is the database's region, or a region of its multi-region."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is \"${coalesce(var.region, "null")}\"; expected a region such as us-central1 (functions run in no multi-region), or nothing. List them with: gcloud functions regions list"
  }
}

variable "name" {
  description = "The prefix of every function's and account's name. Two installations in one project need two prefixes."
  type        = string
  default     = "tachograph"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,12}[a-z0-9]$", var.name))
    error_message = "name is \"${var.name}\"; expected 3 to 14 lower-case letters, digits and hyphens, beginning with a letter: service accounts are named with it and may be 30 long"
  }
}

variable "labels" {
  description = "Labels for every resource that takes labels."
  type        = map(string)
  default     = {}
}

# The database

variable "delete_protection" {
  description = "Whether the database refuses to be deleted. If true, `terraform destroy` leaves the database in place."
  type        = bool
  default     = true
}

variable "backup_days" {
  description = "Days that daily backups are kept. With 0 there are no backups; point-in-time recovery covers 7 days."
  type        = number
  default     = 0

  validation {
    condition     = var.backup_days >= 0 && var.backup_days <= 98 && floor(var.backup_days) == var.backup_days
    error_message = "backup_days is ${var.backup_days}; expected a whole number of days from 0 (none) to 98 (14 weeks, Firestore's limit)"
  }
}

# Settings: each becomes the variable TACHOGRAPH_NAME in the functions' environment (functions/runtime/settings.py)

variable "database" {
  description = "The database's name. Only the database (default) has a free quota."
  type        = string
  default     = "(default)"

  validation {
    condition     = var.database == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.database))
    error_message = "database is \"${var.database}\"; expected (default), or 4 to 63 lower-case letters, digits and hyphens, beginning with a letter"
  }
}

variable "policy_seconds" {
  description = "Seconds that a function caches a fleet's policies. An owner's change takes effect within that time."
  type        = number
  default     = 60

  validation {
    condition     = var.policy_seconds >= 1 && floor(var.policy_seconds) == var.policy_seconds
    error_message = "policy_seconds is ${var.policy_seconds}; expected a whole number above 0, such as 60"
  }
}

variable "retry_seconds" {
  description = "Seconds that a function retries a commit in place before it returns the event to Eventarc."
  type        = number
  default     = 20

  validation {
    condition     = var.retry_seconds >= 1 && floor(var.retry_seconds) == var.retry_seconds
    error_message = "retry_seconds is ${var.retry_seconds}; expected a whole number above 0, such as 20"
  }

  validation {
    condition     = var.retry_seconds < var.timeout_seconds
    error_message = "retry_seconds is ${var.retry_seconds} and timeout_seconds ${var.timeout_seconds}; expected to give up before being cut off: raise timeout_seconds above ${var.retry_seconds}"
  }
}

variable "tick_on_write" {
  description = "Whether a write may tick its fleet, which publishes rollups within 12 s. If false, only the scheduler ticks, each minute."
  type        = bool
  default     = true
}

variable "tracing" {
  description = "Where the functions send spans: off, cloud (Cloud Trace), or otlp (the address in OTEL_EXPORTER_OTLP_ENDPOINT, set through `environment`)."
  type        = string
  default     = "off"

  validation {
    condition     = contains(["off", "cloud", "otlp"], var.tracing)
    error_message = "tracing is \"${var.tracing}\"; expected off, cloud or otlp"
  }

  validation {
    condition     = var.tracing != "otlp" || contains(keys(var.environment), "OTEL_EXPORTER_OTLP_ENDPOINT")
    error_message = "tracing is \"otlp\" and nothing says where to; set environment = { OTEL_EXPORTER_OTLP_ENDPOINT = \"https://collector.example.com\" }"
  }
}

variable "trace_timeout_ms" {
  description = "Milliseconds that an event waits at most for the export of its spans."
  type        = number
  default     = 500

  validation {
    condition     = var.trace_timeout_ms >= 1 && floor(var.trace_timeout_ms) == var.trace_timeout_ms
    error_message = "trace_timeout_ms is ${var.trace_timeout_ms}; expected a whole number above 0, such as 500"
  }
}

variable "trace_keep_pct" {
  description = "Percent of the events without a failure whose spans are kept."
  type        = number
  default     = 15

  validation {
    condition     = var.trace_keep_pct >= 1 && var.trace_keep_pct <= 100 && floor(var.trace_keep_pct) == var.trace_keep_pct
    error_message = "trace_keep_pct is ${var.trace_keep_pct}; expected a whole number from 1 to 100, such as 15"
  }
}

variable "trace_endpoint" {
  description = "For tests: the address of an unencrypted server with Cloud Trace's API. Leave it empty."
  type        = string
  default     = ""
}

variable "run_endpoint" {
  description = "For tests: the address of an unencrypted server with the API of Cloud Run Jobs. Leave it empty."
  type        = string
  default     = ""
}

variable "environment" {
  description = "Further environment variables of the functions, such as OTEL_EXPORTER_OTLP_ENDPOINT."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : !startswith(name, "TACHOGRAPH_")])
    error_message = "environment has ${join(", ", [for name in keys(var.environment) : name if startswith(name, "TACHOGRAPH_")])}; expected the variable of that name instead, in small letters and without TACHOGRAPH_"
  }
}

# The size of each function, unless `sizes` overrides it

variable "cpu" {
  description = "Virtual CPUs of an instance."
  type        = string
  default     = "1"

  validation {
    condition     = contains(["1", "2", "4", "8"], var.cpu)
    error_message = "cpu is \"${var.cpu}\"; expected 1, 2, 4 or 8: an instance with less than one serves one request at a time"
  }
}

variable "memory" {
  description = "Memory of an instance."
  type        = string
  default     = "512Mi"

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "memory is \"${var.memory}\"; expected a number with Mi or Gi, such as 512Mi"
  }
}

variable "concurrency" {
  description = "Events that one instance handles at a time, and its number of threads."
  type        = number
  default     = 16

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency is ${var.concurrency}; expected a whole number from 1 to 1000, such as 16"
  }
}

variable "min_instances" {
  description = "Instances kept warm. With 0, the first event after a pause waits 2 to 3 s."
  type        = number
  default     = 0

  validation {
    condition     = var.min_instances >= 0 && var.min_instances <= var.max_instances && floor(var.min_instances) == var.min_instances
    error_message = "min_instances is ${var.min_instances} and max_instances ${var.max_instances}; expected a whole number from 0 to max_instances"
  }
}

variable "max_instances" {
  description = "The most instances of each function. It bounds the bill of a runaway fleet; further events wait."
  type        = number
  default     = 20

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances is ${var.max_instances}; expected a whole number from 1 to 1000, such as 20"
  }
}

variable "timeout_seconds" {
  description = "Seconds that an event may take."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_seconds >= 10 && var.timeout_seconds <= 540 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds is ${var.timeout_seconds}; expected a whole number from 10 to 540, the longest that an event may take"
  }
}

variable "sizes" {
  description = "Sizes of single functions that differ from the above, by the function's name in functions.yaml."
  type = map(object({
    cpu             = optional(string)
    memory          = optional(string)
    concurrency     = optional(number)
    min_instances   = optional(number)
    max_instances   = optional(number)
    timeout_seconds = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.sizes), keys(local.endpoints))) == 0
    error_message = "sizes has ${join(", ", setsubtract(keys(var.sizes), keys(local.endpoints)))}; expected names out of functions.yaml: ${join(", ", keys(local.endpoints))}"
  }
}

variable "bundle" {
  description = "The path of the functions' bundle. The default is the file that `make bundle` builds."
  type        = string
  default     = null
}

# The hand-over job

variable "hand_over_image" {
  description = "The image that successors run in. Without it there is no hand-over job."
  type        = string
  default     = null

  validation {
    condition     = var.hand_over_image == null || can(regex("^[^/ ]+/[^ ]+[:@][^ /]+$", var.hand_over_image))
    error_message = "hand_over_image is \"${coalesce(var.hand_over_image, "null")}\"; expected an image with its tag or digest, such as us-docker.pkg.dev/PROJECT/REPOSITORY/agent:1.4"
  }
}

variable "hand_over_cpu" {
  description = "Virtual CPUs of a successor."
  type        = string
  default     = "1"
}

variable "hand_over_memory" {
  description = "Memory of a successor."
  type        = string
  default     = "2Gi"
}

variable "hand_over_timeout_seconds" {
  description = "Seconds that a successor may run."
  type        = number
  default     = 3600

  validation {
    condition     = var.hand_over_timeout_seconds >= 60 && var.hand_over_timeout_seconds <= 604800
    error_message = "hand_over_timeout_seconds is ${var.hand_over_timeout_seconds}; expected 60 to 604800 (7 days, the longest that a job may run)"
  }
}

# Alerts

variable "alert_channels" {
  description = "The notification channels of every alert. terraform/notices creates one for an e-mail address."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.alert_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "alert_channels has ${join(", ", var.alert_channels)}; expected names such as projects/PROJECT/notificationChannels/123. List yours with: gcloud beta monitoring channels list"
  }
}

variable "propagation_seconds" {
  description = "Seconds that the first apply waits, so that Google's servers learn of Eventarc's new role."
  type        = number
  default     = 120

  validation {
    condition     = var.propagation_seconds >= 0 && floor(var.propagation_seconds) == var.propagation_seconds
    error_message = "propagation_seconds is ${var.propagation_seconds}; expected a whole number from 0, such as 120"
  }
}
