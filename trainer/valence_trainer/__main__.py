from valence_trainer.cli import main

raise SystemExit(main())
