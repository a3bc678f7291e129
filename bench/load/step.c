// SPDX-License-Identifier: Apache-2.0
#include "step.h"

static const double loss_max = 0.001;
static const uint64_t latency_max_ns = 50000000;

double step_loss(const struct step *step)
{
	if (step->received >= step->expected)
		return 0;
	return (double)(step->expected - step->received) / (double)step->expected;
}

double step_offered(const struct step *step)
{
	uint64_t packets = step->expected ? step->expected : step->received_in_time;

	return step->seconds > 0 ? (double)packets / step->seconds : 0;
}

enum step_verdict step_judge(const struct step *step)
{
	if (step->saturation.reasons_used)
		return STEP_INVALID;
	if (step_loss(step) >= loss_max ||
		histogram_quantile(&step->latency, 0.99) >= latency_max_ns)
		return STEP_FAILED;
	return step->latency.count ? STEP_PASSED : STEP_FAILED;
}

int step_knee(const struct step *steps, unsigned n, bool *bounded)
{
	*bounded = false;
	for (unsigned i = 0; i < n; i++) {
		enum step_verdict verdict = step_judge(&steps[i]);

		if (verdict == STEP_PASSED)
			continue;
		*bounded = verdict == STEP_FAILED;
		return (int)i - 1;
	}
	return (int)n - 1;
}
