// SPDX-License-Identifier: Apache-2.0
#include "jsonrpc_message.h"

#include <string.h>

static const char *const methods[] = {"announce", "answer", "disconnect", "ice_candidate",
	"list_peers", "offer", "peer.announce", "peer.answer", "peer.disconnect",
	"peer.disconnected", "peer.ice_candidate", "peer.joined", "peer.left", "peer.list",
	"peer.offer", "peer.state_change", "peer_disconnected", "peer_joined", "peer_left",
	"server.info"};

static const char *const kinds[JSONRPC_SIGNALS] = {"offer", "answer", "candidate", "disconnect"};

const char *jsonrpc_method_counted(const char *method)
{
	for (unsigned i = 0; method && i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i], method))
			return methods[i];
	return "other";
}

// ---- envelopes

json_t *jsonrpc_result(const json_t *id, json_t *result)
{
	return json_pack("{s:s,s:O*,s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

json_t *jsonrpc_error(const json_t *id, int code, const char *message, const char *reason)
{
	json_t *data = reason ? json_pack("{s:s}", "reason", reason) : NULL;

	return json_pack("{s:s,s:O*,s:{s:i,s:s,s:o*}}", "jsonrpc", "2.0", "id", id, "error", "code",
		code, "message", message, "data", data);
}

json_t *jsonrpc_notification(const char *method, json_t *params)
{
	return json_pack("{s:s,s:s,s:o}", "jsonrpc", "2.0", "method", method, "params", params);
}

// ---- peers

static json_t *capability_names(const json_t *capabilities)
{
	json_t *names = json_array(), *value;
	const char *name;

	if (json_is_array(capabilities))
		json_array_extend(names, (json_t *)capabilities);
	json_object_foreach((json_t *)capabilities, name, value)
	{
		if (json_is_true(value))
			json_array_append_new(names, json_string(name));
	}
	return names;
}

static json_t *capability_flags(const json_t *capabilities)
{
	json_t *flags, *name;
	size_t i;

	if (json_is_object(capabilities))
		return json_incref((json_t *)capabilities);
	flags = json_object();
	json_array_foreach(capabilities, i, name)
	{
		if (json_is_string(name))
			json_object_set_new(flags, json_string_value(name), json_true());
	}
	return flags;
}

json_t *jsonrpc_capabilities(enum jsonrpc_family family, const json_t *capabilities)
{
	return family == JSONRPC_PEER ? capability_names(capabilities)
				      : capability_flags(capabilities);
}

json_t *jsonrpc_joined(enum jsonrpc_family family, const char *peer, const json_t *capabilities,
	const json_t *metadata)
{
	json_t *made = jsonrpc_capabilities(family, capabilities);

	if (family == JSONRPC_BARE)
		return jsonrpc_notification("peer_joined",
			json_pack("{s:s,s:o}", "peer_id", peer, "capabilities", made));
	return jsonrpc_notification(
		"peer.joined", json_pack("{s:s,s:o,s:O?}", "peer_id", peer, "capabilities", made,
				       "metadata", metadata));
}

json_t *jsonrpc_left(enum jsonrpc_family family, const char *peer)
{
	return jsonrpc_notification(family == JSONRPC_BARE ? "peer_left" : "peer.left",
		json_pack("{s:s}", "peer_id", peer));
}

json_t *jsonrpc_state(const char *peer, const char *state, uint64_t now_ms)
{
	return jsonrpc_notification(
		"peer.state_change", json_pack("{s:s,s:s,s:I}", "peer_id", peer, "connection_state",
					     state, "timestamp", (json_int_t)now_ms));
}

// ---- signals

// The families spell the index of a section in two ways.
static const json_t *index_of(const json_t *params)
{
	const json_t *index = json_object_get(params, "sdp_mline_index");

	return index ? index : json_object_get(params, "sdp_m_line_index");
}

static json_t *field(const json_t *params, const char *name)
{
	return json_object_get(params, name);
}

json_t *jsonrpc_signal_make(enum jsonrpc_signal kind, const json_t *params, const char *offer_id)
{
	const char *name = kinds[kind];

	switch (kind) {
	case JSONRPC_CANDIDATE:
		return json_pack("{s:s,s:O*,s:O*,s:O*}", "kind", name, "candidate",
			field(params, "candidate"), "sdp_mid", field(params, "sdp_mid"), "index",
			index_of(params));
	case JSONRPC_DISCONNECT:
		return json_pack("{s:s,s:O*}", "kind", name, "reason", field(params, "reason"));
	default:
		return json_pack("{s:s,s:O*,s:O*,s:s*}", "kind", name, "sdp", field(params, "sdp"),
			"type", field(params, "type"), "offer_id", offer_id);
	}
}

enum jsonrpc_signal jsonrpc_signal_kind(const json_t *signal)
{
	const char *name = json_string_value(json_object_get(signal, "kind"));
	unsigned kind = 0;

	while (kind < JSONRPC_SIGNALS && (!name || strcmp(kinds[kind], name)))
		kind++;
	return kind;
}

static json_t *type_of(const json_t *signal, const char *unset)
{
	json_t *type = json_object_get(signal, "type");

	return json_is_string(type) && json_string_length(type) ? json_incref(type)
								: json_string(unset);
}

static const json_t *not_null(const json_t *value)
{
	return json_is_null(value) ? NULL : value;
}

static json_t *bare_notification(const char *from, const json_t *signal)
{
	const json_t *candidate = field(signal, "candidate");

	switch (jsonrpc_signal_kind(signal)) {
	case JSONRPC_OFFER:
		return jsonrpc_notification(
			"offer", json_pack("{s:s,s:O*,s:O*,s:o}", "from_peer_id", from, "offer_id",
					 field(signal, "offer_id"), "sdp", field(signal, "sdp"),
					 "type", type_of(signal, "offer")));
	case JSONRPC_ANSWER:
		return jsonrpc_notification(
			"answer", json_pack("{s:s,s:O*,s:o}", "from_peer_id", from, "sdp",
					  field(signal, "sdp"), "type", type_of(signal, "answer")));
	case JSONRPC_CANDIDATE:
		if (json_is_string(candidate) && !json_string_length(candidate))
			return NULL;
		return jsonrpc_notification("ice_candidate",
			json_pack("{s:s,s:O*,s:O*,s:O*}", "from_peer_id", from, "candidate",
				candidate, "sdp_mid", not_null(field(signal, "sdp_mid")),
				"sdp_mline_index", not_null(field(signal, "index"))));
	case JSONRPC_DISCONNECT:
		return jsonrpc_notification(
			"peer_disconnected", json_pack("{s:s}", "peer_id", from));
	default:
		return NULL;
	}
}

static json_t *peer_notification(const char *from, const char *to, const json_t *signal)
{
	switch (jsonrpc_signal_kind(signal)) {
	case JSONRPC_OFFER:
		return jsonrpc_notification(
			"peer.offer", json_pack("{s:s,s:s,s:O*}", "from", from, "to", to, "sdp",
					      field(signal, "sdp")));
	case JSONRPC_ANSWER:
		return jsonrpc_notification(
			"peer.answer", json_pack("{s:s,s:s,s:O*}", "from", from, "to", to, "sdp",
					       field(signal, "sdp")));
	case JSONRPC_CANDIDATE:
		return jsonrpc_notification("peer.ice_candidate",
			json_pack("{s:s,s:s,s:O*,s:O?,s:O?}", "from", from, "to", to, "candidate",
				field(signal, "candidate"), "sdp_mid", field(signal, "sdp_mid"),
				"sdp_m_line_index", field(signal, "index")));
	case JSONRPC_DISCONNECT:
		return jsonrpc_notification(
			"peer.disconnected", json_pack("{s:s,s:O?}", "peer_id", from, "reason",
						     field(signal, "reason")));
	default:
		return NULL;
	}
}

json_t *jsonrpc_signal_notification(
	enum jsonrpc_family family, const char *from, const char *to, const json_t *signal)
{
	return family == JSONRPC_BARE ? bare_notification(from, signal)
				      : peer_notification(from, to, signal);
}
