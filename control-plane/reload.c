// SPDX-License-Identifier: Apache-2.0
// Reading the configuration anew while calls go on: by SIGHUP and by `sluicectl reload`.
#include "control.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

struct report {
	const char *who; // "SIGHUP" or "reload"
	json_t *reloaded, *read, *restart, *errors; // keys; of errors: texts
};

static void add(json_t *list, const char *text)
{
	json_array_append_new(list, json_string(text));
}

// Something stays as it was.
static void add_error(struct report *report, const char *what, const char *why)
{
	log_error("%s: %s: %s", report->who, what, why);
	json_array_append_new(report->errors, json_sprintf("%s: %s", what, why));
}

// What is the data plane's alone it reports itself.
static void tell(void *context, const struct config_change *change)
{
	struct report *report = context;

	if (!change->control)
		return;
	add(change->reloadable ? report->reloaded : report->restart, change->key);
	if (change->reloadable)
		log_info("%s: %s is read again", report->who, change->key);
	else
		log_warn("%s: %s has changed: it takes effect when sluice-control is restarted",
			report->who, change->key);
}

// The values are in place; those who keep some of them hear of it.
static void apply(struct control *control)
{
	const struct config *config = &control->config;

	log_level = (int)config->log_level;
	log_setup("control", config->log_format);
	control_limit(control);
	core_configure(control->core, &control->limits, &control->local);
	server_limit(control->server, config);
	control->dialect_host.rooms_per_user = config->limits.rooms_per_user;
	control->dialect_host.auth_ms = config->limits.auth_ns / 1000000;
	control->dialect_host.strict_etag = config->whip.strict_etag;
	control->http_host.development_tokens = config->auth.development_tokens;
	feeds_reload(control->feeds, config);
	control_settle(control);
}

static void configuration_reload(struct control *control, struct report *report)
{
	struct config *fresh = calloc(1, sizeof(*fresh));
	char why[WHY_MAX] = "out of memory";

	if (!fresh || control_read_settings(&control->settings, fresh, why)) {
		add_error(report, "nothing of the configuration is changed", why);
		free(fresh);
		return;
	}
	config_compare(&control->config, fresh, tell, report);
	config_take(&control->config, fresh);
	config_forget_secrets(fresh);
	free(fresh);
	apply(control);
}

// Files that may have new contents under the same name.
static void certificate_reload(struct control *control, struct report *report)
{
	const char *certificate = control->config.http.tls_certificate;
	const char *key = control->config.http.tls_key;

	if (!*certificate)
		return;
	if (loop_tls_reload(server_loop(control->server), certificate, key)) {
		add_error(report, "the TLS certificate stays as it was",
			"http.tls_certificate and http.tls_key cannot be read or are no pair");
		return;
	}
	control->certificate_expiry_s = certificate_expiry(certificate);
	log_info("%s: %s is read again", report->who, certificate);
	add(report->read, "http.tls_certificate");
}

static void keys_reload(struct control *control, struct report *report)
{
	char why[WHY_MAX];

	if (control_read_keys(control, why)) {
		add_error(report, "the public keys stay as they were", why);
		return;
	}
	if (*control->config.auth.public_key_file)
		add(report->read, "auth.public_key_file");
	if (*control->config.auth.jwks_file)
		add(report->read, "auth.jwks_file");
}

static json_t *reload(struct control *control, const char *who)
{
	struct report report = {who, json_array(), json_array(), json_array(), json_array()};

	configuration_reload(control, &report);
	certificate_reload(control, &report);
	keys_reload(control, &report);
	return json_pack("{s:b, s:o, s:o, s:o, s:o}", "ok", !json_array_size(report.errors),
		"reloaded", report.reloaded, "read", report.read, "restart", report.restart,
		"errors", report.errors);
}

json_t *control_reload(void *context)
{
	return reload(context, "reload");
}

void control_hangup(struct control *control)
{
	json_decref(reload(control, "SIGHUP"));
}
