# Thin: each verb is one line into scripts/ or into the program. All of them work without a terminal.
READY = @scripts/bootstrap.sh &&

# Every process of a service begins with the same modules; compiled ones are kept, whatever the machine's setting.
export PYTHONDONTWRITEBYTECODE =

.PHONY: up test check demo bench faults synth docs clean

up: ## Set everything up and run the reference ecosystem until Ctrl-C
	$(READY) exec .venv/bin/arnia up $(ARGS)

test: ## Set everything up and run the whole suite
	$(READY) exec .venv/bin/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: ## Formats, types, directions, architecture, contract drift
	$(READY) exec scripts/check.sh

demo: ## Play a delivery's story against the running ecosystem
	$(READY) exec .venv/bin/python examples/delivery_story.py

bench: ## What the chassis, a PUT and a start cost, beside something real
	$(READY) exec scripts/bench.sh

faults: ## Simulate ten thousand lives of the events, and break real servers for as long as it takes
	$(READY) exec scripts/faults.sh $(ARGS)

synth: ## Write what a cluster reads into deploy/
	$(READY) exec .venv/bin/arnia synth $(ARGS)

docs: ## Run every example of the documents
	$(READY) exec .venv/bin/python -m pytest --quiet README.md docs

clean: ## Remove what can be made again; the data in .arnia/ stays
	@scripts/clean.sh
