"""Rules of supervision: what each finds in a class's dossier. `register.py` names them all."""
