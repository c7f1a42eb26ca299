# make crawl    set up, crawl a local server with synthetic data, show what was stored
# make test     set up, run all tests that this machine can run
# make lint     set up, check style, types and the import rules
# make clean    remove what these made

PYTHON ?= python3
RUN := .venv/bin/python -m

.PHONY: crawl test lint clean

# With the address of a server the same command crawls that server:
#   SATCHEL_RECNET_URL=https://… SATCHEL_RECNET_KEY=… make crawl
crawl: export SATCHEL_SANDBOX ?= $(if $(SATCHEL_RECNET_URL)$(SATCHEL_RECNET_URLS),0,1)
crawl: export SATCHEL_STORE ?= sqlite:///$(if $(filter 0,$(SATCHEL_SANDBOX)),satchel,sandbox).db
crawl: .venv/crawl
	@$(RUN) scrapy crawl recnet-rooms -L WARNING \
	    -a hot=1 -a include=subrooms,roles,tags,promo,scores,load_screens,creator_account -a limit=50
	@echo
	@$(RUN) satchel items recnet_room --limit 5 --columns id,name,visit_count,subrooms,creator_account
	@echo
	@$(RUN) satchel items recnet_account --limit 5 --columns id,username,display_name,created_at
	@echo
	@$(RUN) satchel items recnet_room_tags --limit 5
	@echo
ifeq ($(SATCHEL_RECNET_URL)$(SATCHEL_RECNET_URLS),)
	@$(RUN) scrapy crawl kemono-posts -L WARNING -a creators=patreon/10000001 \
	    -a include=detail,creator -a limit=50
	@echo
	@$(RUN) satchel items kemono_post --limit 5 --columns id,title,published,tags,creator
	@echo
	@$(RUN) satchel items kemono_creator --limit 5 --columns service,id,name,post_count
	@echo
endif
	@echo "Next:  SATCHEL_STORE=$(SATCHEL_STORE) .venv/bin/satchel items      all that is stored"
	@echo "       .venv/bin/satchel spiders      what else can be crawled"
	@echo "       docs/recnet.md, docs/kemono.md      how to crawl a server of yours"

# Many tests wait, for crawls and for servers: so half as many processes again as there are cores.
test: .venv/test
	@$(RUN) pytest -n $$($(PYTHON) -c 'import os; print(os.cpu_count() * 3 // 2)') -q -rs

lint: .venv/lint
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@.venv/bin/lint-imports

.venv/crawl: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("satchel needs Python 3.11 or newer; this is " + sys.version.split()[0] + "; run: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	@echo "Installing into .venv …"
	@$(PYTHON) -m venv .venv
	@$(RUN) pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/test: .venv/crawl
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

.venv/lint: .venv/test
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[lint]'
	@touch $@

clean:
	rm -rf .venv sandbox.db sandbox.db-shm sandbox.db-wal build dist
